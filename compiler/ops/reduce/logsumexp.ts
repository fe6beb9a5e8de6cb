/** The logarithm of a sum of exponentials. */

import { numelOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { reduceAxes, sumOf } from "../kit/ndarray.js";
import { keepAxes, reducedShape } from "../kit/reduction.js";
import { reducing } from "../kit/sharding.js";

/** `log(sum(exp(x)))` along `axis`, without overflow. */
export const logsumexp = defineOp({
  name: "logsumexp",
  summary: "`log(sum(exp(x)))` along `axis`, without overflow.",
  reason: "Written out it overflows above 88 in f32.",
  surface: "public",
  inputs: { x: "float" },
  attrs: { axis: attr.axis(-1), keep: attr.bool(false) },

  infer: ({ x, axis, keep }) => tensorType(x.dtype, reducedShape(x.shape, { axes: [axis], keep })),
  sharding: ({ x, axis, keep }) => reducing(x, { axes: [axis], keep }, "replicate"),

  // dx = dy * exp(x - y), the softmax.
  vjp(b, { x, axis, y, dy }) {
    const weights = b.exp(b.sub(x, keepAxes(b, y, x, [axis])));
    return { x: b.mul(keepAxes(b, dy, x, [axis]), weights) };
  },

  // Per element: max, subtract, exp, add.
  flops: ({ x }) => 4 * numelOf(x),

  formulations: [
    {
      // `ReduceLogSumExp` without its own shift is not promised to be stable.
      name: "shifted",
      onnx(o, { x, axis, keep }) {
        const axes = o.ints([axis]);
        const max = o.node("ReduceMax", [x.name, axes], { keepdims: 1 });
        const exps = o.node("Exp", [o.node("Sub", [x.name, max])]);
        const log = o.node("Log", [o.node("ReduceSum", [exps, axes], { keepdims: 1 })]);
        const total = o.node("Add", [log, max]);
        return keep ? total : o.node("Squeeze", [total, axes]);
      },
    },
  ],

  reference: ({ x, axis, keep }) =>
    reduceAxes(x, { axes: [axis], keep }, (values) => {
      const max = values.reduce((a, b) => Math.max(a, b), -Infinity);
      return max + Math.log(sumOf(values.map((value) => Math.exp(value - max))));
    }),

  samples: [
    {
      why: "the last axis by default",
      x: [
        [1, 3, 2],
        [0.5, -4, 0],
      ],
    },
    { why: "large values do not overflow", x: [1000, 999, -1000] },
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
