/** Whether ONNX Runtime works here: runs a graph of one node. */

import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Device } from "./executor.js";
import { reasonOf } from "./refusals.js";

/**
 * Takes the ONNX file of `y = -x` on f32[1]; `null` when it runs and computes what it should,
 * otherwise what went wrong.
 */
export async function probeExecution(negation: Uint8Array, device: Device): Promise<string | null> {
  try {
    // As every session: the first of a process decides for the thread that makes it.
    const session = await InferenceSession.create(negation, {
      executionProviders: [device],
      extra: { session: { set_denormal_as_zero: "1" } },
    });
    const { y } = await session.run({ x: new Tensor("float32", Float32Array.of(2.5), [1]) });
    await session.release();
    const [value] = (y?.data ?? []) as Float32Array;
    return value === -2.5 ? null : `a graph of one node gave ${String(value)} for -2.5`;
  } catch (error) {
    return reasonOf(error);
  }
}
