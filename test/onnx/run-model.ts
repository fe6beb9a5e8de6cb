/** Runs a model in onnxruntime-node on arrays of the reference implementations. */

import * as ort from "onnxruntime-node";
import { invariant } from "../../grammar/invariant.js";
import type { DType } from "../../compiler/ir/type.js";
import { type NdArray, ndarray } from "../../compiler/ops/kit/ndarray.js";

/** The outputs by name, each with the dtype that the runtime reports. */
export async function runModel(
  model: Uint8Array,
  inputs: ReadonlyMap<string, NdArray>,
): Promise<ReadonlyMap<string, NdArray>> {
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const feeds = Object.fromEntries([...inputs].map(([name, array]) => [name, toTensor(array)]));
  const results = await session.run(feeds);
  await session.release();
  return new Map(
    session.outputNames.map((name) => {
      const tensor = results[name];
      invariant(tensor, `no output ${name}`);
      return [name, toArray(tensor)];
    }),
  );
}

function toTensor({ dtype, shape, data }: NdArray): ort.Tensor {
  switch (dtype) {
    case "f32":
      return new ort.Tensor("float32", Float32Array.from(data), shape);
    case "f64":
      return new ort.Tensor("float64", data, shape);
    case "i64":
      return new ort.Tensor("int64", BigInt64Array.from([...data].map(BigInt)), shape);
    case "i32":
      return new ort.Tensor("int32", Int32Array.from(data), shape);
    case "u8":
      return new ort.Tensor("uint8", Uint8Array.from(data), shape);
    case "bool":
      return new ort.Tensor("bool", Uint8Array.from(data), shape);
    case "f16":
    case "bf16":
      throw new Error(`${dtype} is not fed here`);
  }
}

const dtypes: Readonly<Record<string, DType>> = {
  float32: "f32",
  float64: "f64",
  int64: "i64",
  int32: "i32",
  uint8: "u8",
  bool: "bool",
};

function toArray(tensor: ort.Tensor): NdArray {
  const dtype = dtypes[tensor.type];
  invariant(dtype, `${tensor.type} is not read here`);
  return ndarray(dtype, tensor.dims, Float64Array.from(tensor.data as ArrayLike<number>, Number));
}
