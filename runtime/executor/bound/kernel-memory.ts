/** Places of tensors in one shared WebAssembly memory, which graphs read and write too. */

import type { KernelTensor } from "../../../compiler/plan/schema.js";
import { invariant } from "../../../grammar/invariant.js";
import { elementCount, type HostTensor } from "../../tensor.js";
import { type KernelMemory, KernelsUnavailable } from "../kernels.js";
import { wasm, type WasmMemory } from "./webassembly.js";

export interface BoundKernelMemory extends KernelMemory {
  /** Made with the first reservation. */
  readonly memory: () => WasmMemory;
}

/** A multiple of every processor's cache line and vector. */
const alignment = 64;
const pageBytes = 65536;
/** 4 GiB: what 32 bits address. */
const mostPages = 65536;

const keyOf = ({ kind, path }: KernelTensor): string => `${kind}:${path}`;

export function createKernelMemory(limit: number = mostPages * pageBytes): BoundKernelMemory {
  let made: WasmMemory | null = null;
  const places = new Map<string, HostTensor>();
  let used = 0;
  const memory = (): WasmMemory => {
    // Shared memory reserves its addresses at once, and grows without moving.
    made ??= new wasm.Memory({ initial: 0, maximum: mostPages, shared: true });
    return made;
  };
  return {
    memory,
    reserve: (tensors) => {
      const wanted = tensors.filter((tensor) => {
        const known = places.get(keyOf(tensor));
        return known === undefined || known.data.length !== elementCount(tensor.shape);
      });
      const sizes = wanted.map(
        ({ shape }) => Math.ceil((4 * elementCount(shape)) / alignment) * alignment,
      );
      const end = sizes.reduce((sum, size) => sum + size, used);
      if (end > limit)
        throw new KernelsUnavailable(
          `the state and its gradients take ${(end / 2 ** 30).toFixed(1)} GiB, and kernels reach ${limit / 2 ** 30} GiB`,
        );
      let grown: WasmMemory;
      try {
        grown = memory();
        const missing = Math.ceil(end / pageBytes) - grown.buffer.byteLength / pageBytes;
        if (missing > 0) grown.grow(missing);
      } catch (error) {
        throw new KernelsUnavailable(error instanceof Error ? error.message : String(error));
      }
      for (const [i, tensor] of wanted.entries()) {
        const data = new Float32Array(grown.buffer, used, elementCount(tensor.shape));
        places.set(keyOf(tensor), { dtype: "f32", shape: tensor.shape, data });
        used += sizes[i] ?? 0;
      }
    },
    placeOf: (tensor) => {
      const place = places.get(keyOf(tensor));
      invariant(place, `\`${keyOf(tensor)}\` has a place`);
      return place;
    },
  };
}
