/** Puts the state of a run where kernels will update it, tensor by tensor: it never exists twice. */

import type { Stage } from "../../compiler/plan/schema.js";
import { type KernelMemory, KernelsUnavailable } from "../executor/kernels.js";
import type { HostTensor } from "../tensor.js";
import { placeIn, tensorsOf } from "./apply.js";

/** Moves a tensor of the state to its place; one without a place stays as it is. */
export type Settle = (path: string, tensor: HostTensor) => HostTensor;

export const staying: Settle = (_, tensor) => tensor;

/** Of the stage's kernels: what they do not update stays, as does all where there are none. */
export function settlingIn(stage: Stage, memory: KernelMemory | null): Settle {
  if (memory === null || stage.kernels === undefined) return staying;
  const tensors = tensorsOf(stage, stage.kernels.calls);
  try {
    memory.reserve(tensors);
  } catch (error) {
    // Whoever loads the kernels meets it again and says so.
    if (!(error instanceof KernelsUnavailable)) throw error;
    return staying;
  }
  const resident = new Map(
    tensors.filter(({ kind }) => kind === "state").map((tensor) => [tensor.path, tensor]),
  );
  return (path, tensor) => {
    const own = resident.get(path);
    return own === undefined ? tensor : placeIn(memory.placeOf(own), tensor);
  };
}
