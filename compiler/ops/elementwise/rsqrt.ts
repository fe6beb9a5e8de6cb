/** The reciprocal square root. */

import { unary } from "../kit/unary.js";

/** One divided by the square root of each element. */
export const rsqrt = unary({
  name: "rsqrt",
  summary: "One divided by the square root of each element.",
  reason: "Normalizations use it; its gradient is cheapest in its own output.",
  accepts: "float",
  flops: 3,
  onnx: (o, x) => o.node("Reciprocal", [o.node("Sqrt", [x])]),
  apply: (x) => 1 / Math.sqrt(x),
  // dx = -dy * y^3 / 2
  vjp: (b, { y, dy }) => b.scale(b.mul(dy, b.mul(y, b.square(y))), -0.5),
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
