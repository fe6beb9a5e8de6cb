/** The matrix product whose rate the benchmarks compare with, as an ONNX file. */

import { createGraphBuilder } from "../compiler/ir/create-builder.js";
import { tensorType } from "../compiler/ir/type.js";
import { emitOnnx } from "../compiler/onnx/emit.js";
import { compilerVersion } from "../compiler/version.js";

/** Of two square matrices `a` and `b`; the output is `y`. */
export function gemmModel(size: number): Uint8Array {
  const b = createGraphBuilder();
  const type = tensorType("f32", [size, size]);
  const product = b.emit("matmul", [b.input("a", type), b.input("b", type)]);
  const graph = b.finish("gemm", [{ name: "y", value: product }]);
  const target = { device: "cpu", opset: 18, purpose: "train" } as const;
  return emitOnnx(graph, { target, producerVersion: compilerVersion });
}
