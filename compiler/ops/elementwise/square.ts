/** The square. */

import { unary } from "../kit/unary.js";

/** Each element times itself. */
export const square = unary({
  name: "square",
  summary: "Each element times itself.",
  reason:
    "One reads `square(x)` where `x * x` would name the value twice; it has one gradient path.",
  accepts: "number",
  flops: 1,
  onnx: (o, x) => o.node("Mul", [x, x]),
  apply: (x) => x * x,
  // dx = 2 x dy
  vjp: (b, { x, dy }) => b.mul(dy, b.scale(x, 2)),
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
