/** The softmax. */

import { numelOf } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { mapLanes, sumOf } from "../kit/ndarray.js";
import { sameExcept } from "../kit/sharding.js";

/** Normalizes `x` along `axis` into positive weights that sum to 1. */
export const softmax = defineOp({
  name: "softmax",
  summary: "Normalizes `x` along `axis` into positive weights that sum to 1.",
  reason: "Stable, one ONNX Runtime kernel, and its gradient is cheapest in its own output.",
  surface: "public",
  inputs: { x: "float" },
  attrs: { axis: attr.axis(-1) },

  infer: ({ x }) => x,

  // Every device needs the whole of `axis` to normalize it.
  sharding: ({ x, axis }) => sameExcept(x, [axis]),

  // J = diag(y) - y yT, hence dx = y * (dy - sum(dy * y)).
  vjp(b, { y, dy, axis }) {
    const dot = b.sum(b.mul(dy, y), { axes: [axis], keep: true });
    return { x: b.mul(y, b.sub(dy, dot)) };
  },

  // Per element: max, subtract, exp, add, divide.
  flops: ({ x }) => 5 * numelOf(x),

  formulations: [
    { name: "kernel", onnx: (o, { x, axis }) => o.node("Softmax", [x.name], { axis }) },
  ],

  reference: ({ x, axis }) =>
    mapLanes(x, axis, (lane) => {
      const max = Math.max(...lane);
      const exps = lane.map((value) => Math.exp(value - max));
      const total = sumOf(exps);
      return exps.map((value) => value / total);
    }),

  samples: [
    {
      why: "the last axis by default",
      x: [
        [2, 1, 3],
        [0, -1, 0.5],
      ],
    },
    { why: "another axis", x: [[1], [3], [2]], axis: 0 },
    { why: "large logits do not overflow", x: [1000, -1000, 999] },
  ],
});
