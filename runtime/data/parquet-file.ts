/** Parquet files: what types their columns have, and values of a column by rows, read part by part. */

import { open, stat } from "node:fs/promises";
import { fileMissing } from "../../grammar/diagnostics/data-content.js";
import { fileMalformed } from "../../grammar/diagnostics/dataset.js";
import { badData } from "./bad-data.js";

/** The type of a column, as far as fields care. */
export interface ColumnType {
  readonly kind: "number" | "integer" | "bool" | "text" | "time" | "other";
  /** How many lists stand around a value. */
  readonly depth: number;
  /** As the file has it: `list of float`. */
  readonly shown: string;
  /** Digits after the point of decimals. */
  readonly scale?: number;
}

/** Rows of the file that were written together, the last excluded. */
export interface RowRange {
  readonly start: number;
  readonly end: number;
}

export interface ParquetFile {
  readonly file: string;
  readonly rows: number;
  readonly groups: readonly RowRange[];
  readonly columns: ReadonlyMap<string, ColumnType>;
  /** Values of a column, `null` where there is none; only their part of the file is read. */
  readonly read: (column: string, rows: RowRange) => Promise<readonly unknown[]>;
}

/** Opens a file by its footer; a fault at `place` where there is none, and for what is no parquet file. */
export async function openParquet(file: string, place: string): Promise<ParquetFile> {
  // The library is large, and few programs read such files.
  const [{ parquetMetadataAsync, parquetRead, parquetSchema }, { compressors }] = await Promise.all(
    [import("hyparquet"), import("hyparquet-compressors")],
  );
  const source = await sourceOf(file, place);
  const sound = async <T>(body: () => Promise<T>): Promise<T> => {
    try {
      return await body();
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      throw badData(fileMalformed, { file, format: "parquet", problem }, file);
    }
  };
  const metadata = await sound(() => parquetMetadataAsync(source));
  const groups: RowRange[] = [];
  let rows = 0;
  for (const group of metadata.row_groups) {
    const end = rows + Number(group.num_rows);
    groups.push({ start: rows, end });
    rows = end;
  }
  const tops = parquetSchema(metadata).children;
  const columns = new Map(tops.map((top) => [top.element.name, typeOf(top)]));
  return {
    file,
    rows,
    groups,
    columns,
    read: (column, { start: rowStart, end: rowEnd }) =>
      sound(async () => {
        let values: readonly unknown[] = [];
        await parquetRead({
          file: source,
          metadata,
          columns: [column],
          rowStart,
          rowEnd,
          compressors,
          onComplete: (read: readonly (readonly unknown[])[]) => {
            const scale = columns.get(column)?.scale;
            values = read.map(([value]) => (scale === undefined ? value : decimal(value, scale)));
          },
        });
        if (values.length === rowEnd - rowStart) return values;
        throw new Error(`it has ${values.length} of the rows ${rowStart} to ${rowEnd - 1}`);
      }),
  };
}

/** The file as the library reads it: opened for each part, so that none is left open. */
async function sourceOf(file: string, place: string) {
  let size: number;
  try {
    size = (await stat(file)).size;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badData(fileMissing, { file, reason }, place);
  }
  return {
    byteLength: size,
    async slice(start: number, end = size): Promise<ArrayBuffer> {
      const from = start < 0 ? size + start : start;
      const handle = await open(file, "r");
      try {
        const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - from));
        let done = 0;
        while (done < bytes.length) {
          const { bytesRead } = await handle.read(bytes, done, bytes.length - done, from + done);
          if (bytesRead === 0) throw new Error("it ends within a part that its footer tells of");
          done += bytesRead;
        }
        return bytes.buffer;
      } finally {
        await handle.close();
      }
    },
  };
}

/** The part of a schema tree that types follow from. */
interface SchemaNode {
  readonly children: readonly SchemaNode[];
  readonly element: {
    readonly type?: string;
    readonly repetition_type?: string;
    readonly converted_type?: string;
    readonly logical_type?: { readonly type: string };
    readonly precision?: number;
    readonly scale?: number;
  };
}

/** The library multiplies, which may miss the nearest number by a bit. */
const decimal = (value: unknown, scale: number): unknown =>
  typeof value === "number" ? Number(`${Math.round(value * 10 ** scale)}e-${scale}`) : value;

/** Digits that a number has exactly. */
const exactDigits = 15;

/** Lists are nodes of one child each, one of which is repeated; other nodes with children are records. */
function typeOf(top: SchemaNode): ColumnType {
  let node = top;
  let depth = 0;
  for (;;) {
    const { element, children } = node;
    const isMap = element.logical_type?.type === "MAP" || element.converted_type === "MAP";
    if (element.repetition_type === "REPEATED") depth++;
    const [child] = children;
    if (child === undefined) break;
    if (isMap || children.length > 1)
      return { kind: "other", depth, shown: listed("record", depth) };
    node = child;
  }
  const { kind, shown } = leafOf(node.element);
  const { precision = 0, scale = 0 } = node.element;
  if (shown !== "decimal") return { kind, depth, shown: listed(shown, depth) };
  const name = listed(`decimal(${precision}, ${scale})`, depth);
  const isExact = depth === 0 && precision <= exactDigits;
  return isExact ? { kind, depth, shown: name, scale } : { kind: "other", depth, shown: name };
}

const listed = (name: string, depth: number): string => `${"list of ".repeat(depth)}${name}`;

function leafOf({
  type = "",
  converted_type: converted,
  logical_type: logical,
}: SchemaNode["element"]): {
  readonly kind: ColumnType["kind"];
  readonly shown: string;
} {
  const name = logical?.type ?? converted ?? "";
  if (/^(?:STRING|UTF8|ENUM|JSON)$/.test(name)) return { kind: "text", shown: "string" };
  if (/^(?:DATE|TIMESTAMP)/.test(name) || type === "INT96") return { kind: "time", shown: "time" };
  if (/^(?:FLOAT16|DECIMAL)$/.test(name)) return { kind: "number", shown: name.toLowerCase() };
  if (type === "BOOLEAN") return { kind: "bool", shown: "bool" };
  if (type === "FLOAT" || type === "DOUBLE") return { kind: "number", shown: type.toLowerCase() };
  const isInteger = name === "" || /^(?:INTEGER|U?INT_)/.test(name);
  if ((type === "INT32" || type === "INT64") && isInteger)
    return { kind: "integer", shown: type.toLowerCase() };
  return { kind: "other", shown: name === "" ? "bytes" : name.toLowerCase() };
}
