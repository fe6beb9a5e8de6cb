/** Matrix products with a bias and an activation. */

import { isRejection, reject } from "../../../grammar/diagnostic.js";
import { notBroadcastable } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { sameShape } from "../../ir/dim.js";
import { numelOf, printType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { gemmAttrs, gemmAxes, gemmBody, gemmFlops, gemmReference, gemmType } from "../kit/gemm.js";
import { mapElements, zip } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { shardingRule } from "../kit/sharding.js";

/** `activation(a b + bias)` with one bias per column; either side of the product transposed before. */
export const gemmBias = defineOp({
  name: "gemm_bias",
  summary: "`gemm` with a bias per column and an activation.",
  reason: "A library adds and rectifies while the product is in registers.",
  surface: "internal",
  inputs: { a: "float", b: "float", bias: "float" },
  attrs: { ...gemmAttrs, activation: attr.choice(["none", "relu"], "none") },

  infer(scope) {
    const type = gemmType("gemm_bias", scope);
    if (isRejection(type) || sameShape(scope.bias.shape, type.shape.slice(-1))) return type;
    const [left, right] = [printType(type), printType(scope.bias)];
    return reject(notBroadcastable, { left, right }, "bias");
  },
  // A bias and an activation come after the whole sum.
  sharding(scope) {
    const { a, b, result } = gemmAxes(scope);
    return shardingRule([a, b, ["j"]], [result], { k: "replicate" });
  },
  vjp: null,
  flops: (scope) =>
    gemmFlops(scope) +
    (2 * numelOf(scope.a) * Number(at(scope.bias.shape, 0))) /
      Number(at(scope.b.shape, scope.transpose_b ? 1 : 0)),

  coarse: {
    names: ["GemmBias", "GemmBiasRelu"],
    of: ({ activation }) => (activation === "relu" ? "GemmBiasRelu" : "GemmBias"),
  },
  body(build, scope) {
    const y = build.add(gemmBody(build, scope), scope.bias);
    return scope.activation === "relu" ? build.emit("relu", [y]) : y;
  },
  formulations: [],
  reference(scope) {
    const y = zip(gemmReference(scope), scope.bias, (value, bias) => value + bias);
    return scope.activation === "relu" ? mapElements(y, (value) => Math.max(value, 0)) : y;
  },

  samples: [
    {
      why: "a batch by one matrix",
      a: sampleArray([2, 3, 4]),
      b: sampleArray([4, 2], 1),
      bias: [1, -2],
    },
    {
      why: "transposed, with an activation",
      a: sampleArray([3, 4]),
      b: sampleArray([2, 4], 1),
      bias: [1, -2],
      transpose_b: true,
      activation: "relu",
    },
  ],
});
