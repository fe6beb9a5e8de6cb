/** Memory of earlier batches, written again: fresh pages cost more than what is written to them. */

import type { DType } from "../../compiler/plan/data.js";
import { elementBytes } from "../../compiler/plan/elements.js";
import { arrayOn, type TensorData } from "../tensor.js";

/** Threads share it, or it moves from one to the other. */
export type MemoryKind = "shared" | "own";

export interface SpareMemory {
  /** An array whose elements are anything: all of them are to be written. */
  take(kind: MemoryKind, dtype: DType, length: number): TensorData;
  give(buffers: readonly ArrayBufferLike[]): void;
}

/** More are left to the collector. */
const most = 16;

export function createSpareMemory(): SpareMemory {
  const spare: ArrayBufferLike[] = [];
  return {
    take: (kind, dtype, length) => {
      const bytes = length * elementBytes[dtype];
      const isShared = kind === "shared";
      const found = spare.findIndex(
        (buffer) => buffer.byteLength === bytes && buffer instanceof SharedArrayBuffer === isShared,
      );
      const [known] = found < 0 ? [] : spare.splice(found, 1);
      const buffer = known ?? (isShared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
      return arrayOn(dtype, buffer, 0, length);
    },
    give: (buffers) => {
      spare.push(...buffers.slice(0, Math.max(0, most - spare.length)));
    },
  };
}
