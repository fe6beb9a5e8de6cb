/** Moving averages of weights: where they begin, and evaluation with them. */

import type { Plan, Stage } from "../../compiler/plan/schema.js";
import { invariant } from "../../grammar/invariant.js";
import type { Tensors } from "../executor/executor.js";
import type { HostTensor } from "../tensor.js";

/** Averages begin as what they are averages of; those of `paths`, or all. */
export function beginAverages(
  { state: entries }: Plan,
  state: Map<string, HostTensor>,
  paths?: readonly string[],
): void {
  for (const { role, of, path } of entries) {
    if (role !== "average" || of === null || paths?.includes(path) === false) continue;
    const tensor = state.get(of);
    invariant(tensor !== undefined, `no state \`${of}\``);
    // The executor writes a later value of the weight into this memory.
    state.set(path, { ...tensor, data: tensor.data.slice() });
  }
}

/** The state that a stage's evaluation reads. */
export function evaluatedState(
  { state: entries }: Plan,
  { weights }: Stage,
  state: Tensors,
): Tensors {
  if (weights !== "ema") return state;
  const evaluated = new Map(state);
  for (const { role, of, path } of entries) {
    const average = state.get(path);
    if (role === "average" && of !== null && average !== undefined) evaluated.set(of, average);
  }
  return evaluated;
}

/** The file of a checkpoint that holds the weights a stage evaluates. */
export const weightsFile = ({ weights }: Stage): "ema.safetensors" | "model.safetensors" =>
  weights === "ema" ? "ema.safetensors" : "model.safetensors";
