/** Counts the groups of a dataset's splits for a caller that cannot wait for a promise. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { DataProgram } from "../../../compiler/plan/data.js";
import type { GroupCounts } from "../../../compiler/plan/description.js";
import type { Diagnostic } from "../../../grammar/diagnostic.js";
import { compiledModule } from "../../compiled.js";
import { type ExitCode, Fault } from "../../fault.js";

/** What the process that counts prints. */
export type CountReport =
  | { readonly kind: "counts"; readonly counts: GroupCounts }
  | { readonly kind: "fault"; readonly diagnostic: Diagnostic; readonly exitCode: ExitCode };

/**
 * Finds the records as a run does, in a process of its own: a compiler asks and goes on with the
 * answer. What is wrong with the data is the fault that a run would end with.
 */
export function countGroups(program: DataProgram): GroupCounts {
  const file = fileURLToPath(compiledModule("runtime/data/describe/count-groups-process.js"));
  const { stdout, stderr, status } = spawnSync(process.execPath, [file], {
    input: JSON.stringify(program),
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`counting groups ended with ${status}: ${stderr}`);
  const report = JSON.parse(stdout) as CountReport;
  if (report.kind === "fault") throw new Fault(report.diagnostic, report.exitCode);
  return report.counts;
}
