/** Kernels of a stage's updates, on memory that they share with graphs. */

import type { KernelTensor, UpdateKernels } from "../../compiler/plan/schema.js";
import type { HostTensor } from "../tensor.js";

/** Memory of one run: a tensor keeps its place from stage to stage. */
export interface KernelMemory {
  /**
   * Gives each tensor of f32 a place, zeros at first, unless it has one of that size; rejects none
   * or throws a `KernelsUnavailable` when there is no room.
   */
  readonly reserve: (tensors: readonly Sized[]) => void;
  /** The place of a tensor that was reserved. */
  readonly placeOf: (tensor: KernelTensor) => HostTensor;
}

export interface Sized extends KernelTensor {
  readonly shape: readonly number[];
}

/** Kernels that are ready to run on their tensors' places. */
export interface LoadedKernels {
  /**
   * Updates all tensors in place with these numbers, in the order of `numbers`; resolves to the
   * watched paths of which some element changed.
   */
  readonly run: (numbers: readonly number[]) => Promise<ReadonlySet<string>>;
  /** The numbers that are asked for: outputs of the rest. */
  readonly numbers: readonly string[];
  readonly close: () => Promise<void>;
}

/** What an executor has that can run kernels. */
export interface KernelHost {
  readonly createMemory: () => KernelMemory;
  /** Rejects with a `KernelsUnavailable` where they cannot run as graphs would. */
  readonly load: (
    folder: string,
    kernels: UpdateKernels,
    memory: KernelMemory,
  ) => Promise<LoadedKernels>;
}

/** Why kernels cannot be used here; graphs can. */
export class KernelsUnavailable extends Error {
  override readonly name = "KernelsUnavailable";
}
