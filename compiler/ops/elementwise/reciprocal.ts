/** The reciprocal. */

import { unary } from "../kit/unary.js";

/** One divided by each element. */
export const reciprocal = unary({
  name: "reciprocal",
  summary: "One divided by each element.",
  reason:
    "ONNX Runtime runs `Reciprocal` as one kernel; its gradient is cheapest in its own output.",
  accepts: "float",
  flops: 1,
  onnx: "Reciprocal",
  apply: (x) => 1 / x,
  // dx = -dy * y^2
  vjp: (b, { y, dy }) => b.neg(b.mul(dy, b.square(y))),
  samples: [
    {
      why: "signs and sizes",
      x: [
        [-2, -0.5, 0.25],
        [1.5, 3, -1],
      ],
    },
    { why: "a scalar", x: 0.7 },
  ],
});
