/** The gradients of a product's matrix and bias. */

import { reject } from "../../../grammar/diagnostic.js";
import { dimsDiffer, rankDiffers } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import type { GraphBuilder } from "../../ir/builder.js";
import { printDim, productOf, sameDim } from "../../ir/dim.js";
import type { Value } from "../../ir/graph.js";
import { numelOf, printType, rankOf, type TensorType, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { gemmReference } from "../kit/gemm.js";
import { countOf, type NdArray, reduceAxes, reshaped, sumOf, transposed } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { shardingRule } from "../kit/sharding.js";

/**
 * `xT g` over all rows, and the sums of the columns of `g`, for `g [..., O]` and `x [..., C]`; the
 * product is `[C, O]`, or `[O, C]` when transposed.
 */
export const gemmWeightGrad = defineOp({
  name: "gemm_weight_grad",
  summary:
    "The product `xT g` over all rows, or its transpose, and the sums of the columns of `g`.",
  reason: "A library sums columns while it packs them for the product.",
  surface: "internal",
  inputs: { g: "float", x: "float" },
  attrs: { transposed: attr.bool(false) },

  infer({ g, x, transposed }) {
    const [expected, op] = ["as many axes as `g`, at least two,", "gemm_weight_grad"];
    if (rankOf(g) < 2 || rankOf(x) !== rankOf(g))
      return reject(rankDiffers, { op, input: "x", expected, actual: printType(x) }, "x");
    for (let axis = 0; axis < rankOf(g) - 1; axis++) {
      const [left, right] = [at(g.shape, axis), at(x.shape, axis)];
      if (sameDim(left, right)) continue;
      const what = `axis ${axis} of g and x`;
      return reject(dimsDiffer, { what, left: printDim(left), right: printDim(right) }, "x");
    }
    const [out, channels] = [at(g.shape, -1), at(x.shape, -1)];
    const shape = transposed ? [out, channels] : [channels, out];
    return [tensorType(g.dtype, shape), tensorType(g.dtype, [out])];
  },
  sharding({ g, transposed }) {
    const rows = g.shape.slice(0, -1).map((_, axis) => `i${axis}`);
    return shardingRule(
      [
        [...rows, "o"],
        [...rows, "c"],
      ],
      [transposed ? ["o", "c"] : ["c", "o"], ["o"]],
      {
        ...Object.fromEntries(rows.map((name) => [name, "reduction" as const])),
        c: "replicate",
      },
    );
  },
  vjp: null,
  flops: ({ g, x }) => 2 * numelOf(g) * Number(at(x.shape, -1)) + numelOf(g),

  coarse: "GemmWeightGrad",
  body(b, { g, x, transposed }) {
    const product = b.matmul(b.transposeLast(inRows(b, x)), inRows(b, g));
    const axes = g.type.shape.slice(0, -1).map((_, axis) => axis);
    return [transposed ? b.transposeLast(product) : product, b.sum(g, { axes, keep: false })];
  },
  formulations: [],
  reference({ g, x, transposed: turned }) {
    const product = gemmReference({
      a: flat(x),
      b: flat(g),
      transpose_a: true,
      transpose_b: false,
    });
    const axes = g.shape.slice(0, -1).map((_, axis) => axis);
    return [
      turned ? transposed(product, [1, 0]) : product,
      reduceAxes(g, { axes, keep: false }, sumOf),
    ];
  },

  samples: [
    { why: "matrices", g: sampleArray([4, 3]), x: sampleArray([4, 2], 1) },
    {
      why: "a batch of sequences",
      g: sampleArray([2, 3, 2]),
      x: sampleArray([2, 3, 4], 1),
      transposed: true,
    },
  ],
});

/** All but the last axis as one. */
const rowsOf = ({ shape }: TensorType): TensorType["shape"] => [
  productOf(shape.slice(0, -1)),
  at(shape, -1),
];

const inRows = (b: GraphBuilder, x: Value): Value => b.reshape(x, rowsOf(x.type));

const flat = (x: NdArray): NdArray => reshaped(x, [countOf(x.shape.slice(0, -1)), at(x.shape, -1)]);
