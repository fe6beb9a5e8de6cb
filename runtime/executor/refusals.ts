/** What every executor refuses, in one wording: graphs that do not load, do not fit, or want too much. */

import { existsSync } from "node:fs";
import { diagnose } from "../../grammar/diagnostic.js";
import { graphMismatch, graphRejected, outOfMemory } from "../../grammar/diagnostics/run.js";
import { exitCodes, Fault } from "../fault.js";

/** Faults with exit code 2 when there is no such file. */
export function requireFile(file: string): void {
  if (!existsSync(file)) throw graphRefused(file, "the file does not exist");
}

/** ONNX Runtime's refusal in its own words, or ours in the same place. */
export const graphRefused = (file: string, reason: string): Fault =>
  new Fault(diagnose(graphRejected, { file, reason }, null), exitCodes.environment);

/** What ONNX Runtime threw while loading or running; an allocation that failed has its own code, 5. */
export function refusalOf(error: unknown, doing: string, file: string): Fault {
  const detail = error instanceof Error ? error.message : String(error);
  return isOutOfMemory(detail)
    ? new Fault(diagnose(outOfMemory, { doing, detail }, null), exitCodes.outOfMemory)
    : graphRefused(file, detail);
}

/** Whether ONNX Runtime's words, or V8's, say that an allocation failed. */
export const isOutOfMemory = (message: string): boolean =>
  /bad.?alloc|failed to allocate memory|out of memory|array buffer allocation failed/iu.test(
    message,
  );

/** Faults with exit code 2 unless the graph has exactly the plan's names. */
export function compareNames(
  file: string,
  what: "inputs" | "outputs",
  found: readonly string[],
  expected: readonly { readonly name: string }[],
): void {
  const names = expected.map(({ name }) => name);
  const missing = names.find((name) => !found.includes(name));
  const extra = found.find((name) => !names.includes(name));
  if (missing !== undefined) throw mismatch(file, `\`${missing}\` is not among its ${what}`);
  if (extra !== undefined)
    throw mismatch(file, `\`${extra}\` among its ${what} is not in the plan`);
}

export const mismatch = (file: string, reason: string): Fault =>
  new Fault(diagnose(graphMismatch, { file, reason }, null), exitCodes.environment);

/** Why a library does not work. The first line: dynamic loaders and package managers add much below it. */
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "it failed";
