/** The dataset of a program's train, for the commands that look at data alone. */

import { noTrainIn } from "../../../compiler/compile.js";
import type { DataProgram } from "../../../compiler/plan/data.js";
import { missingKey } from "../../../grammar/diagnostics/names.js";
import { exitCodes } from "../../../runtime/fault.js";
import { printDiagnostics } from "../../fail.js";
import { openProgram, type ProgramFlags } from "../../program-flags.js";

export type OpenedData =
  | { readonly ok: true; readonly program: DataProgram; readonly seed: number }
  | { readonly ok: false; readonly exitCode: number };

/** Checks a program, prints what it finds, and gives the train's data where they can be read. */
export async function openData(file: string, flags: ProgramFlags): Promise<OpenedData> {
  const { source, analysis, exitCode } = openProgram(file, flags, { purpose: "check" });
  const { diagnostics, train, uncarried } = analysis;
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  if (train === null || errors.length > 0) {
    const missing = errors.length === 0;
    printDiagnostics(missing ? [...diagnostics, noTrainIn(source)] : diagnostics);
    return { ok: false, exitCode: missing ? exitCodes.findings : exitCode };
  }
  const { dataProgram } = await import("../../../compiler/plan/data.js");
  const parsed = dataProgram.safeParse(train.data.program);
  const lacks = uncarried.some(({ code }) => code === missingKey.code);
  if (parsed.success && !lacks) return { ok: true, program: parsed.data, seed: train.seed };
  printDiagnostics(uncarried);
  return { ok: false, exitCode: lacks ? exitCodes.environment : exitCodes.findings };
}

/** Tells on a terminal how far the reading of records is; says nothing elsewhere. */
export function recordsProgress(): (done: number, all: number) => void {
  let shown = 0;
  return (done, all) => {
    if (!process.stderr.isTTY) return;
    const percent = Math.floor((100 * done) / all);
    if (percent > shown) process.stderr.write(`\r\u001b[K${done === all ? "" : `${percent} %`}`);
    shown = percent;
  };
}
