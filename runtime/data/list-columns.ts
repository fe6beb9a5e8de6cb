/** Columns of lists as tensors: read in blocks of rows, of which the latest are kept. */

import type { DataProgram } from "../../compiler/plan/data.js";
import { elementBytes } from "../../compiler/plan/elements.js";
import { columnList } from "../../grammar/diagnostics/data-files.js";
import { allocate, elementCount, type TensorData } from "../tensor.js";
import { badData, printType } from "./bad-data.js";
import { openParquet, type ParquetFile, type RowRange } from "./parquet-file.js";
import { type Value, valueOf } from "./value.js";

type Field = DataProgram["fields"][number];

/** Elements of one block, in bytes, and of all blocks that a reader keeps. */
const blockBytes = 4 * 2 ** 20;
const keptBytes = 128 * 2 ** 20;

const extentsOf = ({ shape }: Field): readonly number[] => shape.map((extent) => extent ?? 1);

/** A file's rows in blocks, none of which goes on into another group of rows. */
export function blocksOf({ groups }: ParquetFile, field: Field): readonly RowRange[] {
  const length = elementCount(extentsOf(field)) * elementBytes[field.dtype];
  const rows = Math.max(1, Math.floor(blockBytes / Math.max(1, length)));
  return groups.flatMap(({ start, end }) =>
    Array.from({ length: Math.ceil((end - start) / rows) }, (_, i) => ({
      start: start + i * rows,
      end: Math.min(end, start + (i + 1) * rows),
    })),
  );
}

/** The lists of some rows as one tensor; one of another length, or with a gap, is a fault. */
export async function listsIn(
  table: ParquetFile,
  column: string,
  field: Field,
  rows: RowRange,
): Promise<Value> {
  const extents = extentsOf(field);
  const values = await table.read(column, rows);
  const length = elementCount(extents);
  const { dtype } = field;
  const numbers = new Float64Array(dtype === "i64" ? 0 : values.length * length);
  const integers = new BigInt64Array(dtype === "i64" ? values.length * length : 0);
  values.forEach((list, i) => {
    let at = i * length;
    const { file } = table;
    const row = rows.start + i;
    const wrong = (found: string) =>
      badData(
        columnList,
        { column, file, row, expected: printType(dtype, field.shape), found },
        `${file}, row ${row}, column \`${column}\`, field \`${field.name}\``,
      );
    const place = (value: unknown, depth: number): void => {
      if (depth < extents.length) {
        if (!isList(value)) throw wrong("no list");
        if (value.length !== extents[depth]) throw wrong(`a list of ${value.length}`);
        for (let k = 0; k < value.length; k++) place(value[k], depth + 1);
      } else if (dtype === "i64") {
        if (typeof value !== "bigint" && typeof value !== "number") throw wrong("a gap");
        integers[at++] = BigInt(value);
      } else {
        if (value === null || value === undefined) throw wrong("a gap");
        const number = Number(value);
        if (dtype === "i32" && number !== Math.trunc(number)) throw wrong(String(value));
        if (dtype === "i32" && (number < -(2 ** 31) || number >= 2 ** 31))
          throw wrong(`\`${String(value)}\``);
        if (dtype === "bool" && number !== 0 && number !== 1) throw wrong(`\`${String(value)}\``);
        numbers[at++] = number;
      }
    };
    place(list, 0);
  });
  const shape = [values.length, ...extents];
  return dtype === "i64"
    ? { dtype, shape, data: integers }
    : valueOf(dtype, shape, (i) => numbers[i] ?? 0);
}

const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && "length" in value);

/** Reads a record's list: of a file, by its row. */
export type ListReader = (
  field: Field,
  column: string,
  file: string,
  row: number,
) => Promise<Value>;

/** A reader that keeps the latest blocks, and opens each file once. */
export function createListReader(): ListReader {
  const tables = new Map<string, Promise<ParquetFile>>();
  const blocks = new Map<string, Promise<Value>>();
  return async (field, column, file, row) => {
    const table = tables.get(file) ?? openParquet(file, field.place);
    tables.set(file, table);
    const opened = await table;
    const block = blocksOf(opened, field).find(({ start, end }) => row >= start && row < end);
    const range = block ?? { start: row, end: row + 1 };
    const key = `${field.name} ${range.start} ${file}`;
    const lists = blocks.get(key) ?? listsIn(opened, column, field, range);
    blocks.delete(key);
    blocks.set(key, lists);
    const length = elementCount(extentsOf(field));
    const most = Math.max(1, Math.floor(keptBytes / blockBytes));
    for (const oldest of blocks.keys()) {
      if (blocks.size <= most) break;
      blocks.delete(oldest);
    }
    const { dtype, data } = await lists;
    return {
      dtype,
      shape: extentsOf(field),
      data: cut(data, dtype, (row - range.start) * length, length),
    };
  };
}

/** A copy of its own, so that a block can be let go. */
function cut(data: TensorData, dtype: Value["dtype"], start: number, length: number): TensorData {
  const own = allocate(dtype, length);
  const part = data.subarray(start, start + length);
  if (own instanceof BigInt64Array && part instanceof BigInt64Array) own.set(part);
  else if (!(own instanceof BigInt64Array) && !(part instanceof BigInt64Array)) own.set(part);
  return own;
}
