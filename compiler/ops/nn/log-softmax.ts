/** The logarithm of the softmax. */

import { numelOf } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { mapLanes, sumOf } from "../kit/ndarray.js";
import { sameExcept } from "../kit/sharding.js";

/** `x - logsumexp(x)` along `axis`: logarithms of weights that sum to 1. */
export const logSoftmax = defineOp({
  name: "log_softmax",
  summary: "`x - logsumexp(x)` along `axis`: logarithms of weights that sum to 1.",
  reason: "The logarithm of a softmax loses small weights; ONNX Runtime's `LogSoftmax` does not.",
  surface: "public",
  inputs: { x: "float" },
  attrs: { axis: attr.axis(-1) },

  infer: ({ x }) => x,
  sharding: ({ x, axis }) => sameExcept(x, [axis]),

  // dx = dy - exp(y) * sum(dy).
  vjp(b, { y, dy, axis }) {
    const total = b.sum(dy, { axes: [axis], keep: true });
    return { x: b.sub(dy, b.mul(b.exp(y), total)) };
  },

  flops: ({ x }) => 5 * numelOf(x),

  formulations: [
    { name: "kernel", onnx: (o, { x, axis }) => o.node("LogSoftmax", [x.name], { axis }) },
  ],

  reference: ({ x, axis }) =>
    mapLanes(x, axis, (lane) => {
      const max = Math.max(...lane);
      const log = max + Math.log(sumOf(lane.map((value) => Math.exp(value - max))));
      return lane.map((value) => value - log);
    }),

  samples: [
    {
      why: "the last axis by default",
      x: [
        [2, 1, 3],
        [0, -1, 0.5],
      ],
    },
    {
      why: "another axis",
      x: [
        [1, 2],
        [3, -1],
        [2, 0],
      ],
      axis: 0,
    },
    { why: "small weights keep their logarithm", x: [200, -200, 199] },
  ],
});
