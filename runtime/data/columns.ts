/** Columns of tables as values: numbers, truth, words of a list; what is none of them is a fault. */

import type { DataProgram, DType, FieldReader } from "../../compiler/plan/data.js";
import {
  columnClassMissing,
  columnUnknown,
  columnValue,
} from "../../grammar/diagnostics/dataset.js";
import { suggest } from "../../grammar/suggest.js";
import { badData } from "./bad-data.js";
import type { DataRecord, SourceRecord } from "./record.js";
import { placeOf } from "./template.js";
import { type Value, valueOf } from "./value.js";

type Field = DataProgram["fields"][number];
type ColumnReader = Extract<FieldReader, { kind: "column" | "columns" }>;

/** Where a table says something, for faults. */
interface Cell {
  readonly file: string;
  readonly line: number;
  readonly unit: "line" | "row";
  /** The file and the line in it. */
  readonly place: string;
  readonly column: string;
  readonly text: string;
}

/** The value of a field that reads one column or several. */
export function readColumns(field: Field, reader: ColumnReader, record: DataRecord): Value {
  const names = reader.kind === "column" ? [reader.name] : reader.names;
  const classes = reader.kind === "column" ? reader.classes : null;
  const numbers = names.map((name) =>
    numberIn(cellOf(record, name), field.dtype, classes, field.name),
  );
  const shape = reader.kind === "column" ? [] : [numbers.length];
  const exact = field.dtype === "i64" && classes === null;
  if (!exact) return valueOf(field.dtype, shape, (i) => numbers[i] ?? 0);
  const data = BigInt64Array.from(names, (name) =>
    BigInt(cellOf(record, name).text.trim().replace("+", "")),
  );
  return { dtype: "i64", shape, data };
}

/**
 * Whether every record has what the fields ask of its columns: the first cell that does not is a
 * fault, and so is a class that no record has.
 */
export function checkColumns(records: readonly SourceRecord[], fields: readonly Field[]): void {
  for (const field of fields) {
    const { reader } = field;
    if (reader.kind !== "column" && reader.kind !== "columns") continue;
    // Lists are held against the field where their file is read.
    if (reader.kind === "column" && field.shape.length > 0) continue;
    const classes = reader.kind === "column" ? reader.classes : null;
    for (const name of reader.kind === "column" ? [reader.name] : reader.names)
      for (const record of records)
        numberIn(cellOf(record, name), field.dtype, classes, field.name);
    if (classes === null || reader.kind !== "column") continue;
    const found = new Set(records.map((record) => record.columns[reader.name] ?? ""));
    const missing = classes.find((name) => !found.has(name));
    const file = records[0]?.file ?? "";
    if (missing !== undefined)
      throw badData(
        columnClassMissing,
        { column: reader.name, file, name: missing, found: [...found].slice(0, 12) },
        `${file}, field \`${field.name}\``,
      );
  }
}

/** A record's cell; a column that the table does not have is a fault. */
export function cellOf(record: SourceRecord, column: string): Cell {
  const { columns, line, row } = record;
  const file = record.file ?? "";
  const text = Object.hasOwn(columns, column) ? columns[column] : undefined;
  const unit = row === undefined ? "line" : "row";
  const place = placeOf(record);
  if (text !== undefined) return { file, line: line ?? row ?? 0, unit, place, column, text };
  const known = Object.keys(columns);
  throw badData(
    columnUnknown,
    { column, file, known, suggestion: suggest(column, known) },
    row === undefined ? `${file}:1` : file,
  );
}

const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const special: Readonly<Record<string, number>> = { inf: Infinity, nan: NaN };

/** The one place where the text of a cell becomes a number. */
function numberIn(
  cell: Cell,
  dtype: DType,
  classes: readonly string[] | null,
  field: string,
): number {
  const wrong = (expected: string, words: readonly string[] = []) => {
    const { file, line, unit, place, column, text: value } = cell;
    const params = { file, line, unit, column, value, expected, suggestion: suggest(value, words) };
    return badData(columnValue, params, `${place}, column \`${column}\`, field \`${field}\``);
  };
  if (classes !== null) {
    const index = classes.indexOf(cell.text);
    if (index < 0) throw wrong("one of its classes", classes);
    return index;
  }
  const text = cell.text.trim();
  if (dtype === "bool") {
    if (!/^(?:true|false|0|1)$/i.test(text)) throw wrong("`true` or `false`");
    return /^(?:true|1)$/i.test(text) ? 1 : 0;
  }
  if (dtype === "i64" || dtype === "i32") {
    if (!/^[+-]?\d+$/.test(text)) throw wrong("an integer");
    const [low, high] = dtype === "i32" ? [-(2n ** 31n), 2n ** 31n] : [-(2n ** 63n), 2n ** 63n];
    const value = BigInt(text.replace("+", ""));
    if (value < low || value >= high) throw wrong(`an integer of \`${dtype}\``);
    return Number(text);
  }
  if (number.test(text)) return Number(text);
  const sign = text.startsWith("-") ? -1 : 1;
  const named = special[text.replace(/^[+-]/, "").toLowerCase()];
  if (named === undefined) throw wrong("a number");
  return sign * named;
}
