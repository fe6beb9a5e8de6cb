/** `saic data check`: reads every field of every record. */

import { diagnose } from "../../../grammar/diagnostic.js";
import { recordsBad } from "../../../grammar/diagnostics/use.js";
import { diagnosticJson } from "../../../grammar/render.js";
import { exitCodes } from "../../../runtime/fault.js";
import type { DataReport } from "../../../runtime/use/check-data.js";
import { printDiagnostics } from "../../fail.js";
import type { ProgramFlags } from "../../program-flags.js";
import { openData, recordsProgress } from "./open-data.js";

interface CheckFlags extends ProgramFlags {
  readonly format: "text" | "json";
  readonly limit: number;
}

/** Exits with 6 where a record, or the data as a whole, have something wrong. */
export async function checkRecords(file: string, flags: CheckFlags): Promise<number> {
  const data = await openData(file, flags);
  if (!data.ok) return data.exitCode;
  const { checkData } = await import("../../../runtime/use/check-data.js");
  const report = await checkData(data.program, data.seed, recordsProgress());
  const { problems, records, warnings } = report;
  printDiagnostics(warnings);
  printDiagnostics(problems.slice(0, flags.limit).map(({ diagnostic }) => diagnostic));
  if (problems.length > 0)
    printDiagnostics([diagnose(recordsBad, { bad: problems.length, records }, null)]);
  process.stdout.write(flags.format === "json" ? json(report) : text(report));
  return problems.length > 0 ? exitCodes.badData : exitCodes.success;
}

const json = ({ problems, warnings, ...rest }: DataReport): string =>
  `${JSON.stringify(
    {
      ...rest,
      problems: problems.map(({ record, diagnostic }) => ({
        record,
        ...diagnosticJson(diagnostic),
      })),
      warnings: warnings.map(diagnosticJson),
    },
    null,
    2,
  )}\n`;

function text({ dataset, records, skipped, splits, problems }: DataReport): string {
  const lines = Object.entries(splits).flatMap(([split, { records: count, labels }]) => [
    `  ${split.padEnd(6)} ${count} records`,
    ...Object.entries(labels).map(
      ([field, counts]) => `         ${field}: ${balance(counts, count)}`,
    ),
  ]);
  const left = skipped === 0 ? "" : `, ${skipped} left out`;
  const bad = problems.length === 0 ? "all can be read" : `${problems.length} bad`;
  return `${dataset}: ${records} records${left}, ${bad}\n${lines.join("\n")}\n`;
}

/** More values than these are counted and not listed. */
const mostValues = 20;

function balance(counts: Readonly<Record<string, number>>, all: number): string {
  const entries = Object.entries(counts);
  if (entries.length > mostValues) return `${entries.length} values`;
  return entries
    .map(([name, count]) => `${name} ${count} (${((100 * count) / Math.max(1, all)).toFixed(1)} %)`)
    .join(", ");
}
