/** The exponential function. */

import { unary } from "../kit/unary.js";

/** The exponential of each element. */
export const exp = unary({
  name: "exp",
  summary: "The exponential of each element.",
  reason: "A transcendental function: nothing simpler makes it.",
  accepts: "float",
  flops: 4,
  onnx: "Exp",
  apply: Math.exp,
  // dx = dy * y
  vjp: (b, { y, dy }) => b.mul(dy, y),
  samples: [
    {
      why: "signs and sizes",
      x: [
        [-2, -0.5, 0.25],
        [1.5, 3, -1],
      ],
    },
    { why: "far below zero it vanishes", x: [-80, -20, 4] },
  ],
});
