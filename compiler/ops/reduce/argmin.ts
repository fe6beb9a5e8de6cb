/** The place of the smallest element. */

import { numelOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { reduceAxes } from "../kit/ndarray.js";
import { reducedShape } from "../kit/reduction.js";
import { reducing } from "../kit/sharding.js";

/** The index of the smallest element along `axis`, the first of equal ones. */
export const argmin = defineOp({
  name: "argmin",
  summary: "The index of the smallest element along `axis`, the first of equal ones.",
  reason: "Nothing simpler gives an index; no gradient passes it.",
  surface: "public",
  inputs: { x: "number" },
  attrs: { axis: attr.axis(-1), keep: attr.bool(false) },

  infer: ({ x, axis, keep }) => tensorType("i64", reducedShape(x.shape, { axes: [axis], keep })),
  sharding: ({ x, axis, keep }) => reducing(x, { axes: [axis], keep }, "replicate"),
  vjp: null,
  flops: ({ x }) => numelOf(x),

  formulations: [
    {
      name: "kernel",
      onnx: (o, { x, axis, keep }) => o.node("ArgMin", [x.name], { axis, keepdims: Number(keep) }),
    },
  ],

  reference: ({ x, axis, keep }) =>
    reduceAxes(
      x,
      { axes: [axis], keep },
      (values) => values.reduce((best, v, i) => (v < (values[best] ?? 0) ? i : best), 0),
      "i64",
    ),

  samples: [
    {
      why: "the last axis by default",
      x: [
        [1, 3, 2],
        [5, 4, 0],
      ],
    },
    {
      why: "the first of equal ones",
      x: [
        [2, 7, 7],
        [1, 1, 1],
      ],
    },
    {
      why: "another axis, kept",
      x: [
        [1, 3],
        [2, 0],
      ],
      axis: 0,
      keep: true,
    },
  ],
});
