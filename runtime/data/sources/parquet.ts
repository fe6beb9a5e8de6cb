/** The source of tables in parquet files: a record per row, with the cells that the program asks for. */

import { isAbsolute, join, relative } from "node:path";
import type { DataProgram, PlainSource } from "../../../compiler/plan/data.js";
import { fileMalformed } from "../../../grammar/diagnostics/dataset.js";
import { columnUnknown, columnValue } from "../../../grammar/diagnostics/dataset.js";
import { folderEmpty } from "../../../grammar/diagnostics/data.js";
import { columnType } from "../../../grammar/diagnostics/data-files.js";
import { suggest } from "../../../grammar/suggest.js";
import { badData } from "../bad-data.js";
import { checkColumns } from "../columns.js";
import { blocksOf, listsIn } from "../list-columns.js";
import { type ColumnType, openParquet, type ParquetFile } from "../parquet-file.js";
import { matchPaths, namesIn, rootOf } from "../path-pattern.js";
import type { SourceRecord } from "../record.js";

type Parquet = Extract<PlainSource, { kind: "parquet" }>;
type Field = DataProgram["fields"][number];

/**
 * Records in the order of the rows, file after file. Cells of the columns that a field, a template,
 * the split or a join names are kept as text, as those of a csv are; lists stay in the file and are
 * looked at once. `others` are the columns that are named outside of the source's own fields. A
 * column that is not there or of another type, and a cell without a value, are faults.
 */
export async function listParquet(
  source: Parquet,
  fields: readonly Field[],
  others: readonly string[],
): Promise<readonly SourceRecord[]> {
  const { place } = source;
  const files = await filesOf(source);
  const tables: ParquetFile[] = [];
  for (const file of files) tables.push(await openParquet(file, place));
  const records: SourceRecord[] = [];
  const first = tables[0];
  for (const table of tables) {
    if (table.rows === 0)
      throw badData(
        fileMalformed,
        { file: table.file, format: "parquet", problem: "it has no row" },
        table.file,
      );
    const columns = columnsOf(table, fields, others);
    if (first !== undefined) for (const column of columns) sameType(first, table, column);
    for (const field of fields) await checkField(table, field);
    const name =
      first === table && tables.length === 1 ? "" : `${relative(source.root, table.file)} `;
    await addRows(table, columns, name, records);
  }
  checkColumns(records, fields);
  return records;
}

/** The one file, or those that a pattern finds, in natural order. */
async function filesOf({ file, root, place }: Parquet): Promise<readonly string[]> {
  if (!file.includes("*")) return [file];
  const split = rootOf(isAbsolute(file) ? file : join(root, file));
  const { found } = await matchPaths({ ...split, kind: "file" }, place);
  if (found.length === 0)
    throw badData(folderEmpty, { folder: split.root, wanted: split.pattern }, place);
  return found.map(({ path }) => path);
}

/** The columns whose cells records carry: all that are named and hold no lists. */
function columnsOf(
  { columns }: ParquetFile,
  fields: readonly Field[],
  others: readonly string[],
): readonly string[] {
  const named = fields.flatMap(({ reader }): readonly string[] => {
    if (reader.kind === "column") return [reader.name];
    if (reader.kind === "columns") return reader.names;
    return "file" in reader && reader.file !== null ? namesIn(reader.file) : [];
  });
  const isPlain = (name: string): boolean => {
    const type = columns.get(name);
    return type !== undefined && type.depth === 0 && type.kind !== "other";
  };
  return [...new Set([...named, ...others])].filter(isPlain);
}

function sameType(first: ParquetFile, table: ParquetFile, column: string): void {
  const [expected, found] = [first, table].map(({ columns }) => columns.get(column)?.shown);
  if (expected === found) return;
  const { file } = table;
  const params = { column, file, found: found ?? "not there" };
  throw badData(
    columnType,
    { ...params, expected: `\`${expected ?? "not there"}\` as in \`${first.file}\`` },
    file,
  );
}

/** Whether a file has what a field reads, lists to their last element. */
async function checkField(table: ParquetFile, field: Field): Promise<void> {
  const { reader } = field;
  if (reader.kind !== "column" && reader.kind !== "columns") return;
  const { file } = table;
  for (const column of reader.kind === "column" ? [reader.name] : reader.names) {
    const type = table.columns.get(column);
    if (type === undefined) {
      const known = [...table.columns.keys()];
      const params = { column, file, known, suggestion: suggest(column, known) };
      throw badData(columnUnknown, params, `${file}, field \`${field.name}\``);
    }
    const problem = problemOf(field, type);
    if (problem !== null)
      throw badData(
        columnType,
        { column, file, expected: problem, found: type.shown },
        `${file}, column \`${column}\`, field \`${field.name}\``,
      );
    if (type.depth > 0)
      for (const block of blocksOf(table, field)) await listsIn(table, column, field, block);
  }
}

/** What a field needs of its column where the column is something else. */
function problemOf(
  { reader, dtype, shape, name }: Field,
  { kind, depth }: ColumnType,
): string | null {
  const reads = `, which \`${name}\` reads`;
  const wanted = reader.kind === "columns" ? 0 : shape.length;
  const isClass = reader.kind === "column" && reader.classes !== null;
  const kinds = isClass
    ? ["text", "integer", "bool"]
    : dtype === "bool"
      ? ["bool", "integer"]
      : dtype === "i32" || dtype === "i64"
        ? ["integer"]
        : ["number", "integer"];
  if (depth === wanted && kinds.includes(kind)) return null;
  const value = isClass
    ? "text"
    : ({ bool: "truth values", i32: "integers", i64: "integers" }[dtype as "bool"] ?? "numbers");
  return `${"lists of ".repeat(wanted)}${value}${reads}`;
}

async function addRows(
  table: ParquetFile,
  columns: readonly string[],
  prefix: string,
  records: SourceRecord[],
): Promise<void> {
  const { file } = table;
  for (const group of table.groups) {
    const cells: string[][] = [];
    for (const column of columns) {
      const values = await table.read(column, group);
      cells.push(
        values.map((value, i) => {
          const text = textOf(value);
          if (text !== null) return text;
          const line = group.start + i;
          const params = { column, file, line, unit: "row" as const, value: "nothing" };
          throw badData(
            columnValue,
            { ...params, expected: "a value", suggestion: null },
            `${file}, row ${line}, column \`${column}\``,
          );
        }),
      );
    }
    for (let row = group.start; row < group.end; row++)
      records.push({
        id: `${prefix}row ${row}`,
        file,
        properties: {},
        label: null,
        tile: null,
        columns: Object.fromEntries(
          columns.map((column, k) => [column, cells[k]?.[row - group.start] ?? ""]),
        ),
        line: null,
        row,
      });
  }
}

/** A cell as a csv would have it; `null` where there is nothing. */
function textOf(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (typeof value === "number")
    return Number.isFinite(value)
      ? String(value)
      : Number.isNaN(value)
        ? "nan"
        : value > 0
          ? "inf"
          : "-inf";
  return value instanceof Date ? value.toISOString() : null;
}
