/** Which executor runs the graphs: the one that was asked for, else the first that works. */

import { type Diagnostic, diagnose } from "../../grammar/diagnostic.js";
import { executorFallback, executorUnavailable } from "../../grammar/diagnostics/run.js";
import { exitCodes, Fault } from "../fault.js";
import { createBoundExecutor } from "./bound/bound.js";
import type { Executor, ExecutorName, ExecutorOptions } from "./executor.js";
import { reasonOf } from "./refusals.js";
import { createSessionExecutor } from "./session.js";

export interface OpenedExecutor {
  readonly executor: Executor;
  /** Why it is not the first choice, where that is not the user's own. */
  readonly warning: Diagnostic | null;
}

/** Opens an executor; `null` is no choice of the user's. */
export type OpenExecutor = (
  name: ExecutorName | null,
  options: ExecutorOptions,
) => Promise<OpenedExecutor>;

/**
 * Without a choice `bound`, and `session` where `bound` does not work here or the device is not the
 * CPU. Faults with exit code 2 where the executor or the device that was asked for does not work.
 */
export async function openExecutor(
  name: ExecutorName | null,
  options: ExecutorOptions,
  createBound: (options: ExecutorOptions) => Promise<Executor> = createBoundExecutor,
): Promise<OpenedExecutor> {
  const session = (warning: Diagnostic | null): OpenedExecutor => ({
    executor: createSessionExecutor(options),
    warning,
  });
  if (name === "session" || (name === null && options.device !== "cpu")) return session(null);
  try {
    if (options.device !== "cpu") throw new Error(`it runs graphs on the device \`cpu\` only`);
    return { executor: await createBound(options), warning: null };
  } catch (error) {
    const detail = reasonOf(error);
    if (name === null) return session(diagnose(executorFallback, { detail }, null));
    throw new Fault(diagnose(executorUnavailable, { detail }, null), exitCodes.environment);
  }
}
