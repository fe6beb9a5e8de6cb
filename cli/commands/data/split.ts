/** `saic data split`: which record is in which split, as a run keeps it. */

import { exitCodes } from "../../../runtime/fault.js";
import { replaceFile } from "../../artifact-files.js";
import { printDiagnostics } from "../../fail.js";
import type { ProgramFlags } from "../../program-flags.js";
import { openData } from "./open-data.js";

interface SplitFlags extends ProgramFlags {
  readonly format: "text" | "json";
  readonly out?: string;
}

export async function showSplit(file: string, flags: SplitFlags): Promise<number> {
  const data = await openData(file, flags);
  if (!data.ok) return data.exitCode;
  const { findRecords } = await import("../../../runtime/data/open-dataset.js");
  const { manifest, records, warnings } = await findRecords(data.program, data.seed);
  printDiagnostics(warnings);
  const document = `${JSON.stringify(manifest, null, 2)}\n`;
  if (flags.out !== undefined) replaceFile(flags.out, Buffer.from(document));
  const rows = Object.entries(manifest.splits).map(([name, groups]) => {
    const count = groups.reduce((sum, group) => sum + group.records.length, 0);
    const share = ((100 * count) / Math.max(1, records.length)).toFixed(1);
    const of = manifest.by === null ? "" : `, ${groups.length} values of \`${manifest.by}\``;
    return `  ${name.padEnd(6)} ${count} records (${share} %)${of}\n`;
  });
  const { name } = data.program;
  process.stdout.write(
    flags.format === "json" ? document : `${name}: ${records.length} records\n${rows.join("")}`,
  );
  return exitCodes.success;
}
