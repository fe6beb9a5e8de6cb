/** A graph of one node that is run before any other, to see that the library does as it should. */

import { invariant } from "../../../grammar/invariant.js";
import type { HostTensor } from "../../tensor.js";
import { type Handle, type OrtApi, OrtError } from "./api.js";
import { callOf, createPorts } from "./ports.js";

/** ONNX Runtime sets this mode of the processor where it has SSE3, and nowhere else. */
const flushesDenormals = process.arch === "x64";

/**
 * Doubles 2.5 and a denormal number with the very calls that training makes; throws an `OrtError`
 * unless the results are 5 and, where ONNX Runtime has denormal numbers taken for zero, zero: else
 * results would depend on the thread that a part of the work falls to.
 */
export function probe(api: OrtApi, env: Handle, threads: "shared" | number): void {
  const session = api.createSession(env, doubling, { threads });
  const inputs = createPorts(api, [{ name: "x", kind: "passing" }]);
  const outputs = createPorts(api, [{ name: "y", kind: "passing" }]);
  try {
    const [x, y] = [numbers(), numbers()];
    // Written as bits: this thread itself may take denormal numbers for zero.
    new Uint32Array(x.data.buffer).set([0x4020_0000, 0x0001_0000]);
    inputs.bind(0, x);
    outputs.bind(0, y);
    api.run(callOf(session, inputs, outputs));
    const [five, zero] = new Uint32Array(y.data.buffer);
    if (five !== 0x40a0_0000) throw new OrtError(`twice 2.5 has the bits ${String(five)}`);
    if (zero !== 0 && flushesDenormals)
      throw new OrtError("denormal numbers are not taken for zero");
  } finally {
    inputs.close();
    outputs.close();
    api.releaseSession(session);
  }
}

const numbers = (): HostTensor => ({
  dtype: "f32",
  shape: [2],
  data: new Float32Array(new ArrayBuffer(8)),
});

/** A message of the protobuf encoding: each field is a tag and then a number, or a length and bytes. */
type Field = readonly [field: number, value: number | string | Uint8Array];

/** Small messages only: every number and length is below 128, one byte each. */
function message(...fields: readonly Field[]): Uint8Array {
  const bytes = fields.flatMap(([field, value]) => {
    if (typeof value === "number") return [field << 3, value];
    const body = typeof value === "string" ? new TextEncoder().encode(value) : value;
    invariant(body.length < 128, "the probe is a small model");
    return [(field << 3) | 2, body.length, ...body];
  });
  return Uint8Array.from(bytes);
}

const pair = (name: string): Uint8Array => {
  const shape = message([1, message([1, 2])]);
  const tensor = message([1, 1], [2, shape]);
  return message([1, name], [2, message([1, tensor])]);
};
const add = message([1, "x"], [1, "x"], [2, "y"], [4, "Add"]);
const graph = message([1, add], [2, "probe"], [11, pair("x")], [12, pair("y")]);
/** The model `y = x + x` on f32[2]: ModelProto of IR 8 and opset 18. */
const doubling = message([1, 8], [7, graph], [8, message([2, 18])]);
