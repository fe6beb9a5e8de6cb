/** What the supervisor, the training process and its thread say to each other. */

import type { Diagnostic } from "../../grammar/diagnostic.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { outOfMemory } from "../../grammar/diagnostics/run.js";
import type { RunEvent } from "../events.js";
import { isOutOfMemory } from "../executor/refusals.js";
import { type ExitCode, exitCodes, Fault } from "../fault.js";
import type { RunOptions } from "../run-options.js";
import type { RunResult } from "../run-result.js";

/** To the training process. */
export type Order =
  | { readonly type: "start"; readonly options: RunOptions }
  | { readonly type: "stop" };

/** From the thread, through the training process, to the supervisor. */
export type Report =
  | { readonly type: "event"; readonly event: RunEvent }
  | { readonly type: "done"; readonly result: RunResult }
  | { readonly type: "fault"; readonly diagnostic: Diagnostic; readonly exitCode: ExitCode }
  /** Our own mistake, with its stack. */
  | { readonly type: "bug"; readonly message: string };

/** What the thread is started with; the first element of `stop` is 1 once it shall stop. */
export interface WorkerInput {
  readonly options: RunOptions;
  readonly stop: SharedArrayBuffer;
}

/** A thrown value as a report; failed allocations of V8 become faults with exit code 5. */
export function reportOf(error: unknown): Report {
  if (error instanceof Fault)
    return { type: "fault", diagnostic: error.diagnostic, exitCode: error.exitCode };
  if (error instanceof Error && isOutOfMemory(error.message))
    return {
      type: "fault",
      diagnostic: diagnose(outOfMemory, { doing: "training", detail: error.message }, null),
      exitCode: exitCodes.outOfMemory,
    };
  return {
    type: "bug",
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}
