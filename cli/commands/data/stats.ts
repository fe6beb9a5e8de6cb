/** `saic data stats`: means, deviations and extremes, as the program can take them. */

import { exitCodes } from "../../../runtime/fault.js";
import type { SplitName } from "../../../runtime/data/dataset.js";
import type { DataStats, FieldStats } from "../../../runtime/use/data-stats.js";
import type { ProgramFlags } from "../../program-flags.js";
import { openData, recordsProgress } from "./open-data.js";

interface StatsFlags extends ProgramFlags {
  readonly format: "text" | "json";
  readonly split: SplitName;
}

export async function showStats(file: string, flags: StatsFlags): Promise<number> {
  const data = await openData(file, flags);
  if (!data.ok) return data.exitCode;
  const { dataStats } = await import("../../../runtime/use/data-stats.js");
  const stats = await dataStats(data.program, data.seed, flags.split, recordsProgress());
  process.stdout.write(
    flags.format === "json" ? `${JSON.stringify(stats, null, 2)}\n` : text(stats),
  );
  return exitCodes.success;
}

function text({ dataset, split, records, fields }: DataStats): string {
  const head = `${dataset}: ${records} records of ${split}, before transforms\n`;
  if (fields.length === 0) return `${head}  no field holds numbers to measure\n`;
  return head + fields.map(lines).join("");
}

function lines(stats: FieldStats): string {
  const { field, dtype, unit, elements } = stats;
  const row = (name: string, values: readonly number[]): string =>
    `    ${name.padEnd(5)} ${list(values)}\n`;
  const title = `  ${field}: ${elements} numbers of ${dtype}${unit === 1 ? "" : `, divided by ${unit}`}\n`;
  const rows = row("mean", stats.mean) + row("std", stats.std);
  const ends = row("min", stats.min) + row("max", stats.max);
  const isPicture = dtype === "u8" && unit !== 1;
  const usable = stats.std.every((each) => each > 0);
  return isPicture && usable
    ? `${title}${rows}${ends}    ${field} = ${field} |> normalize(mean: ${list(stats.mean)}, std: ${list(stats.std)})\n`
    : `${title}${rows}${ends}`;
}

/** One number alone, several as a list of the language. */
function list(values: readonly number[]): string {
  const texts = values.map((value) => String(Number(value.toPrecision(6))));
  return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
}
