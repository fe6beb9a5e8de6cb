/** One side of a graph: names and tensors in arrays of pointers, as a run of the C API takes them. */

import { at } from "../../../grammar/invariant.js";
import type { HostTensor } from "../../tensor.js";
import type { Call, Handle, OrtApi } from "./api.js";

/** What a side is made of; a resident port is given the same few tensors again and again. */
export interface PortSketch {
  readonly name: string;
  readonly kind: "resident" | "passing";
}

export interface Ports {
  readonly count: number;
  /** Addresses of the two arrays of pointers; they do not move. */
  readonly names: bigint;
  readonly values: bigint;
  /** What the addresses point into. */
  readonly memory: readonly ArrayBuffer[];
  /** Points the port at the tensor's memory. */
  readonly bind: (index: number, tensor: HostTensor) => void;
  /** Lets go of what passes; resident tensors are kept for the next run. */
  readonly settle: () => void;
  readonly close: () => void;
}

/** Two, since a state that is updated alternates between two places. */
const residents = 2;

interface Bound {
  readonly tensor: HostTensor;
  readonly handle: Handle;
}

/** The arrays of one side, with no tensor yet. */
export function createPorts(api: OrtApi, sketches: readonly PortSketch[]): Ports {
  const count = sketches.length;
  const { names, memory } = namesOf(api, sketches);
  const values = new BigUint64Array(new ArrayBuffer(8 * Math.max(1, count)));
  // Most recently used first.
  const bound: Bound[][] = sketches.map(() => []);
  const release = (index: number, keep: number): void => {
    for (const { handle } of at(bound, index).splice(keep)) api.releaseTensor(handle);
  };
  return {
    count,
    names,
    values: api.addressOf(values.buffer),
    memory: [memory, values.buffer],
    bind: (index, tensor) => {
      const known = at(bound, index);
      const place = known.findIndex((each) => each.tensor === tensor);
      const [found = { tensor, handle: api.createTensor(tensor) }] =
        place === -1 ? [] : known.splice(place, 1);
      known.unshift(found);
      values[index] = found.handle;
      release(index, residents);
    },
    settle: () => {
      for (const [index, { kind }] of sketches.entries()) if (kind === "passing") release(index, 0);
    },
    close: () => {
      for (const index of sketches.keys()) release(index, 0);
    },
  };
}

/** The arguments of a run; whoever passes them on must keep both sides until it has ended. */
export const callOf = (session: Handle, inputs: Ports, outputs: Ports): Call => ({
  session,
  inputNames: inputs.names,
  inputs: inputs.values,
  inputCount: inputs.count,
  outputNames: outputs.names,
  outputs: outputs.values,
  outputCount: outputs.count,
});

/** The names one after another, each ended by a zero byte, and behind them their addresses. */
function namesOf(
  api: OrtApi,
  sketches: readonly PortSketch[],
): { readonly names: bigint; readonly memory: ArrayBuffer } {
  const texts = sketches.map(({ name }) => new TextEncoder().encode(`${name}\0`));
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  const start = Math.ceil(length / 8) * 8;
  const memory = new ArrayBuffer(start + 8 * Math.max(1, texts.length));
  const base = api.addressOf(memory);
  const pointers = new BigUint64Array(memory, start);
  let offset = 0;
  for (const [index, text] of texts.entries()) {
    new Uint8Array(memory).set(text, offset);
    pointers[index] = base + BigInt(offset);
    offset += text.length;
  }
  return { names: base + BigInt(start), memory };
}
