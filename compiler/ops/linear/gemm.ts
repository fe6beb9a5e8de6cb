/** Matrix products with transposed sides. */

import { defineOp } from "../define.js";
import { gemmAttrs, gemmAxes, gemmBody, gemmFlops, gemmReference, gemmType } from "../kit/gemm.js";
import { sampleArray } from "../kit/sample-array.js";
import { shardingRule } from "../kit/sharding.js";

/** The product of `a [..., M, K]` and the matrix `b [K, N]`, either of them transposed before. */
export const gemm = defineOp({
  name: "gemm",
  summary: "The product of `a` and the matrix `b`, either of them transposed before.",
  reason: "A library multiplies without transposing in memory.",
  surface: "internal",
  inputs: { a: "float", b: "float" },
  attrs: gemmAttrs,

  infer: (scope) => gemmType("gemm", scope),
  sharding(scope) {
    const { a, b, result } = gemmAxes(scope);
    return shardingRule([a, b], [result], { k: "reduction" });
  },
  vjp: null,
  flops: gemmFlops,

  coarse: "Gemm",
  body: gemmBody,
  formulations: [],
  reference: gemmReference,

  samples: [
    { why: "a batch by one matrix", a: sampleArray([2, 3, 4]), b: sampleArray([4, 5], 1) },
    {
      why: "the right side transposed",
      a: sampleArray([3, 4]),
      b: sampleArray([5, 4], 1),
      transpose_b: true,
    },
    {
      why: "the left side transposed",
      a: sampleArray([4, 3]),
      b: sampleArray([4, 2], 1),
      transpose_a: true,
    },
  ],
});
