/** The process that counts groups: a data program from standard input, a report to standard output. */

import { text } from "node:stream/consumers";
import { dataProgram } from "../../../compiler/plan/data.js";
import { Fault } from "../../fault.js";
import { groupCounts } from "../group-index.js";
import { findRecords } from "../open-dataset.js";
import type { CountReport } from "./count-groups.js";

const program = dataProgram.parse(JSON.parse(await text(process.stdin)));
let report: CountReport;
try {
  // Which split a record is in is the dataset's own affair: no seed of a run bears on it.
  const { manifest, records } = await findRecords(program, 0);
  report = { kind: "counts", counts: groupCounts(manifest, records) };
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  report = { kind: "fault", diagnostic: error.diagnostic, exitCode: error.exitCode };
}
process.stdout.write(JSON.stringify(report));
