/** Matrix products with a bias that are added to something. */

import { isRejection, reject } from "../../../grammar/diagnostic.js";
import { notBroadcastable } from "../../../grammar/diagnostics/shape.js";
import { sameShape } from "../../ir/dim.js";
import { numelOf, printType } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { gemmAttrs, gemmAxes, gemmBody, gemmFlops, gemmReference, gemmType } from "../kit/gemm.js";
import { zip } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { shardingRule } from "../kit/sharding.js";

/** `a b + bias + residual` with one bias per column; either side of the product transposed before. */
export const gemmResidual = defineOp({
  name: "gemm_residual",
  summary: "`gemm` with a bias per column, added to `residual`.",
  reason: "A library adds while the product is in registers.",
  surface: "internal",
  inputs: { a: "float", b: "float", bias: "float", residual: "float" },
  attrs: gemmAttrs,

  infer(scope) {
    const type = gemmType("gemm_residual", scope);
    if (isRejection(type)) return type;
    const { bias, residual } = scope;
    for (const [input, given, shape] of [
      ["bias", bias, type.shape.slice(-1)],
      ["residual", residual, type.shape],
    ] as const)
      if (!sameShape(given.shape, shape))
        return reject(notBroadcastable, { left: printType(type), right: printType(given) }, input);
    return type;
  },
  // A bias and a residual come after the whole sum.
  sharding(scope) {
    const { a, b, result } = gemmAxes(scope);
    return shardingRule([a, b, ["j"], result], [result], { k: "replicate" });
  },
  vjp: null,
  flops: (scope) => gemmFlops(scope) + 2 * numelOf(scope.residual),

  coarse: "GemmBiasResidual",
  body: (build, scope) => build.add(build.add(gemmBody(build, scope), scope.bias), scope.residual),
  formulations: [],
  reference(scope) {
    const biased = zip(gemmReference(scope), scope.bias, (value, bias) => value + bias);
    return zip(biased, scope.residual, (value, other) => value + other);
  },

  samples: [
    {
      why: "a batch by one matrix",
      a: sampleArray([2, 3, 4]),
      b: sampleArray([4, 2], 1),
      bias: [1, -2],
      residual: sampleArray([2, 3, 2], 2),
    },
    {
      why: "transposed",
      a: sampleArray([3, 4]),
      b: sampleArray([2, 4], 1),
      bias: [1, -2],
      residual: sampleArray([3, 2], 2),
      transpose_b: true,
    },
  ],
});
