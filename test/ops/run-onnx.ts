/** Runs an emitted graph in onnxruntime-node. */

import * as ort from "onnxruntime-node";
import { emitOnnx } from "../../compiler/onnx/emit.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import type { DType } from "../../compiler/ir/type.js";
import type { Target } from "../../compiler/ops/define.js";
import type { Functions } from "../../compiler/passes/pass.js";
import { type NdArray, ndarray } from "../../compiler/ops/kit/ndarray.js";

export const cpuTarget: Target = { device: "cpu", opset: 18, purpose: "train" };

/** The outputs by name. `formulation` forces one by name; functions are inlined unless kept. */
export async function runOnnx(
  graph: Graph,
  inputs: ReadonlyMap<string, NdArray>,
  formulation?: (node: Node) => string | undefined,
  functions: Functions = "inline",
): Promise<ReadonlyMap<string, NdArray>> {
  const bytes = emitOnnx(graph, {
    target: cpuTarget,
    producerVersion: "test",
    functions,
    ...(formulation && { formulation }),
  });
  const session = await ort.InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  try {
    const feeds = Object.fromEntries([...inputs].map(([name, x]) => [name, toTensor(x)]));
    const results = await session.run(feeds);
    return new Map(
      graph.outputs.map(({ name, value }) => {
        const tensor = results[name];
        if (tensor === undefined) throw new Error(`the output ${name} is missing`);
        if (typeof tensor.data === "string") throw new Error("unexpected text");
        const data = Float64Array.from(tensor.data, Number);
        return [name, ndarray(value.type.dtype, tensor.dims, data)];
      }),
    );
  } finally {
    await session.release();
  }
}

function toTensor(x: NdArray): ort.Tensor {
  const make: Readonly<Record<DType, (() => ort.Tensor) | null>> = {
    f32: () => new ort.Tensor("float32", Float32Array.from(x.data), x.shape),
    f64: () => new ort.Tensor("float64", x.data, x.shape),
    i32: () => new ort.Tensor("int32", Int32Array.from(x.data), x.shape),
    i64: () => new ort.Tensor("int64", BigInt64Array.from([...x.data].map(BigInt)), x.shape),
    u8: () => new ort.Tensor("uint8", Uint8Array.from(x.data), x.shape),
    bool: () => new ort.Tensor("bool", Uint8Array.from(x.data), x.shape),
    f16: null,
    bf16: null,
  };
  const create = make[x.dtype];
  if (create === null) throw new Error(`no test feeds ${x.dtype}`);
  return create();
}
