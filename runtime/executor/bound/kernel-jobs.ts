/** What the threads that run kernels are told, and how they take turns. */

import { wasm, type WasmMemory, type WasmModule } from "./webassembly.js";

/** A stretch of one call's elements. */
export interface Stretch {
  readonly kernel: string;
  /** Addresses in the kernels' memory, of the stretch's first elements. */
  readonly addresses: readonly number[];
  readonly length: number;
  /** Places in the array of numbers. */
  readonly numbers: readonly number[];
  /** The call's place in the array of changes. */
  readonly call: number;
}

export interface KernelModule {
  readonly code: WasmModule;
  readonly memory: WasmMemory;
  /** f32: what the update's graph says, for all stretches. */
  readonly numbers: SharedArrayBuffer;
  /** u8 for each call: whether its watched tensor changed. */
  readonly changes: SharedArrayBuffer;
}

export interface KernelThreadInput {
  readonly module: KernelModule;
  readonly stretches: readonly Stretch[];
  /** i32: the number of the turn to make, that of the last one made, and 1 once one has failed. */
  readonly turns: SharedArrayBuffer;
}

type KernelFunction = (...args: readonly number[]) => number;

/** A function that runs the stretches in this thread. */
export function stretchRunner(module: KernelModule, stretches: readonly Stretch[]): () => void {
  const { exports } = new wasm.Instance(module.code, { env: { memory: module.memory } });
  const numbers = new Float32Array(module.numbers);
  const changes = new Uint8Array(module.changes);
  const functions = stretches.map((stretch) => ({
    ...stretch,
    run: exports[stretch.kernel] as KernelFunction,
  }));
  return () => {
    for (const { run, addresses, length, numbers: places, call } of functions) {
      const changed = run(...addresses, length, ...places.map((place) => numbers[place] ?? NaN));
      if (changed !== 0) Atomics.store(changes, call, 1);
    }
  };
}

/** Turns to spin before sleeping: an update is handed over in a microsecond while both are awake. */
const spins = 2000;

/** Places in `turns`. */
export const turnPlaces = { asked: 0, made: 1, failed: 2 } as const;

/** Waits until the place holds the value, at first without giving up the processor. */
export function awaitTurn(turns: Int32Array<SharedArrayBuffer>, place: number, turn: number): void {
  for (let i = 0; i < spins; i++) if (Atomics.load(turns, place) === turn) return;
  for (let now = Atomics.load(turns, place); now !== turn; now = Atomics.load(turns, place))
    Atomics.wait(turns, place, now);
}

/** Sets the place and wakes who waits for it. */
export function announceTurn(
  turns: Int32Array<SharedArrayBuffer>,
  place: number,
  turn: number,
): void {
  Atomics.store(turns, place, turn);
  Atomics.notify(turns, place);
}

/** Whether this thread takes denormal numbers for zero, which is a mode of the processor's. */
export function flushesDenormals(): boolean {
  const [tiny = 1] = new Float64Array(BigUint64Array.of(1n).buffer);
  return tiny === 0;
}
