/** The sine. */

import { unary } from "../kit/unary.js";

/** The sine of each element, in radians. */
export const sin = unary({
  name: "sin",
  summary: "The sine of each element, in radians.",
  reason: "A transcendental function: nothing simpler makes it.",
  accepts: "float",
  flops: 4,
  onnx: "Sin",
  apply: Math.sin,
  // dx = dy * cos(x)
  vjp: (b, { x, dy }) => b.mul(dy, b.cos(x)),
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
