/** The square root. */

import { unary } from "../kit/unary.js";

/** The square root of each element. */
export const sqrt = unary({
  name: "sqrt",
  summary: "The square root of each element.",
  reason: "ONNX Runtime runs `Sqrt` as one kernel.",
  accepts: "float",
  flops: 2,
  onnx: "Sqrt",
  apply: Math.sqrt,
  // dx = dy / (2 y)
  vjp: (b, { y, dy }) => b.scale(b.div(dy, y), 0.5),
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
