/** The cosine. */

import { unary } from "../kit/unary.js";

/** The cosine of each element, in radians. */
export const cos = unary({
  name: "cos",
  summary: "The cosine of each element, in radians.",
  reason: "A transcendental function: nothing simpler makes it.",
  accepts: "float",
  flops: 4,
  onnx: "Cos",
  apply: Math.cos,
  // dx = -dy * sin(x)
  vjp: (b, { x, dy }) => b.neg(b.mul(dy, b.sin(x))),
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
