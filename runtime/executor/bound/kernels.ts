/** Kernels in the thread of graphs and a few beside it: loads a module and divides its calls. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { UpdateKernels } from "../../../compiler/plan/schema.js";
import { at, invariant } from "../../../grammar/invariant.js";
import { type KernelHost, KernelsUnavailable, type LoadedKernels } from "../kernels.js";
import { requireFile } from "../refusals.js";
import type { Engine } from "./engine.js";
import type { Stretch } from "./kernel-jobs.js";
import { createKernelMemory, type BoundKernelMemory } from "./kernel-memory.js";
import { wasm } from "./webassembly.js";

/** More do not make memory faster. */
const mostThreads = 4;

/** Elements below which another thread costs more than it takes over. */
const leastElements = 2 ** 15;

/** Cuts between threads lie on cache lines. */
const cut = 16;

export function createKernelHost(engine: Engine, threads: number): KernelHost {
  const memories = new WeakMap<object, BoundKernelMemory>();
  return {
    createMemory: () => {
      const memory = createKernelMemory();
      memories.set(memory, memory);
      return memory;
    },
    load: (folder, kernels, memory) => {
      const known = memories.get(memory);
      invariant(known, "the memory is this host's");
      return loadKernels(engine, join(folder, kernels.file), kernels, known, threads);
    },
  };
}

async function loadKernels(
  engine: Engine,
  file: string,
  { calls }: UpdateKernels,
  memory: BoundKernelMemory,
  threads: number,
): Promise<LoadedKernels> {
  requireFile(file);
  const numbers = [...new Set(calls.flatMap(({ scalars }) => scalars))];
  const stretches = calls.map(({ kernel, tensors, length, scalars }, call): Stretch => ({
    kernel,
    addresses: tensors.map((tensor) => memory.placeOf(tensor).data.byteOffset),
    length,
    numbers: scalars.map((name) => numbers.indexOf(name)),
    call,
  }));
  const shared = {
    numbers: new SharedArrayBuffer(4 * numbers.length),
    changes: new SharedArrayBuffer(calls.length),
  };
  let id: number;
  try {
    const code = await wasm.compile(new Uint8Array(readFileSync(file)));
    const module = { code, memory: memory.memory(), ...shared };
    id = await engine.loadKernels(module, divided(stretches, threads));
  } catch (error) {
    throw new KernelsUnavailable(error instanceof Error ? error.message : String(error));
  }
  const fed = new Float32Array(shared.numbers);
  const changes = new Uint8Array(shared.changes);
  return {
    numbers,
    run: async (values) => {
      fed.set(values);
      changes.fill(0);
      await engine.runKernels(id);
      return new Set(calls.flatMap(({ watched }, i) => (changes[i] === 1 ? [watched] : [])));
    },
    close: () => engine.closeKernels(id),
  };
}

/** The stretches of each thread: all elements in order, in as many parts of one size. */
export function divided(
  stretches: readonly Stretch[],
  threads: number,
): readonly (readonly Stretch[])[] {
  const total = stretches.reduce((sum, { length }) => sum + length, 0);
  const parts = Math.max(1, Math.min(threads, mostThreads, Math.floor(total / leastElements)));
  const share = Math.ceil(total / parts);
  const divided: Stretch[][] = Array.from({ length: parts }, () => []);
  let [part, room] = [0, share];
  for (const stretch of stretches)
    for (let from = 0; from < stretch.length;) {
      const left = stretch.length - from;
      const taken = part === parts - 1 ? left : Math.min(left, Math.ceil(room / cut) * cut);
      at(divided, part).push({
        ...stretch,
        addresses: stretch.addresses.map((address) => address + 4 * from),
        length: taken,
      });
      from += taken;
      room -= taken;
      if (room <= 0) [part, room] = [Math.min(part + 1, parts - 1), share];
    }
  return divided.filter((each) => each.length > 0);
}
