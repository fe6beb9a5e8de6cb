/** The source of a table in a text file: a record per line after the header. */

import { readFile } from "node:fs/promises";
import type { DataProgram, PlainSource } from "../../../compiler/plan/data.js";
import { fileMissing } from "../../../grammar/diagnostics/data-content.js";
import { fileMalformed } from "../../../grammar/diagnostics/dataset.js";
import { badData } from "../bad-data.js";
import { checkColumns } from "../columns.js";
import { csvRecords } from "../describe/csv.js";
import { MalformedError } from "../describe/file-head.js";
import type { SourceRecord } from "../record.js";

type Table = Extract<PlainSource, { kind: "csv" }>;

/**
 * Records in the order of their lines. A line with another number of fields than the header, and a
 * cell that is not what a field reads, are faults that name the file, the line and the column.
 */
export async function listCsv(
  source: Table,
  fields: readonly DataProgram["fields"][number][],
): Promise<readonly SourceRecord[]> {
  const { file } = source;
  const text = await textOf(source);
  const malformed = (problem: string, line?: number) =>
    badData(
      fileMalformed,
      { file, format: "csv", problem },
      line === undefined ? file : `${file}:${line}`,
    );
  const records: SourceRecord[] = [];
  let names: readonly string[] | null = null;
  try {
    for (const { fields: cells, line } of csvRecords(text, source.delimiter)) {
      if (names === null) {
        names = cells.map((cell) => cell.trim());
        const twice = names.find((name, i) => names?.indexOf(name) !== i);
        if (twice !== undefined) throw malformed(`two columns are called \`${twice}\``, line);
        continue;
      }
      if (cells.length !== names.length)
        throw malformed(
          `line ${line} has ${cells.length} fields, the first line ${names.length}`,
          line,
        );
      records.push({
        id: `line ${line}`,
        file,
        properties: {},
        label: null,
        tile: null,
        columns: Object.fromEntries(names.map((name, i) => [name, cells[i] ?? ""])),
        line,
      });
    }
  } catch (error) {
    if (error instanceof MalformedError) throw malformed(error.message);
    throw error;
  }
  if (records.length === 0) throw malformed("it has no line after that of column names");
  checkColumns(records, fields);
  return records;
}

async function textOf({ file, place }: Table): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badData(fileMissing, { file, reason }, place);
  }
}
