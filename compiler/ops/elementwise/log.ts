/** The natural logarithm. */

import { unary } from "../kit/unary.js";

/** The natural logarithm of each element. */
export const log = unary({
  name: "log",
  summary: "The natural logarithm of each element.",
  reason: "A transcendental function: nothing simpler makes it.",
  accepts: "float",
  flops: 4,
  onnx: "Log",
  apply: Math.log,
  // dx = dy / x
  vjp: (b, { x, dy }) => b.div(dy, x),
  samples: [
    {
      why: "positive values of several sizes",
      x: [
        [0.01, 0.5, 1],
        [2, 30, 400],
      ],
    },
    { why: "a scalar", x: 0.7 },
  ],
});
