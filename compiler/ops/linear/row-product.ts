/** Products of two matrices over their rows. */

import { reject } from "../../../grammar/diagnostic.js";
import { dimsDiffer, rankDiffers } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { printDim, sameDim } from "../../ir/dim.js";
import { numelOf, printType, rankOf, tensorType } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { gemmReference } from "../kit/gemm.js";
import { sampleArray } from "../kit/sample-array.js";
import { shardingRule } from "../kit/sharding.js";

/** `aT b`, which is `[M, N]`, for `a [R, M]` and `b [R, N]`: the gradient of a matrix from R rows. */
export const rowProduct = defineOp({
  name: "row_product",
  summary: "The product `aT b` of two matrices over their rows.",
  reason:
    "ONNX Runtime's `Gemm` transposes its left side as it reads it, and adds no term to the sum that the graph adds after it.",
  surface: "internal",
  inputs: { a: "float", b: "float" },
  attrs: {},

  infer({ a, b }) {
    const [op, expected] = ["row_product", "two axes"];
    for (const [input, type] of [
      ["a", a],
      ["b", b],
    ] as const)
      if (rankOf(type) !== 2)
        return reject(rankDiffers, { op, input, expected, actual: printType(type) }, input);
    const [left, right] = [at(a.shape, 0), at(b.shape, 0)];
    if (!sameDim(left, right)) {
      const what = "the rows of a and b";
      return reject(dimsDiffer, { what, left: printDim(left), right: printDim(right) }, "b");
    }
    return tensorType(a.dtype, [at(a.shape, 1), at(b.shape, 1)]);
  },

  sharding: () =>
    shardingRule(
      [
        ["r", "m"],
        ["r", "n"],
      ],
      [["m", "n"]],
      { r: "reduction" },
    ),

  vjp: null,
  flops: ({ a, b }) => 2 * numelOf(a) * Number(at(b.shape, 1)),

  formulations: [
    {
      name: "kernel",
      onnx: (o, { a, b }) => o.node("Gemm", [a.name, b.name], { transA: 1 }),
    },
  ],

  reference: ({ a, b }) => gemmReference({ a, b, transpose_a: true, transpose_b: false }),

  samples: [
    { why: "two rows", a: sampleArray([2, 3]), b: sampleArray([2, 4], 1) },
    { why: "one row", a: sampleArray([1, 3]), b: sampleArray([1, 2], 1) },
  ],
});
