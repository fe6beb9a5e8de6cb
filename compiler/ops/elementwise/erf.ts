/** The error function. */

import { erf as erfOf } from "../kit/erf.js";
import { unary } from "../kit/unary.js";

/** The Gauss error function of each element. */
export const erf = unary({
  name: "erf",
  summary: "The Gauss error function of each element.",
  reason: "A special function: the exact GELU needs it, nothing simpler makes it.",
  accepts: "float",
  flops: 8,
  onnx: "Erf",
  apply: erfOf,
  // dx = dy * 2 / sqrt(pi) * exp(-x^2)
  vjp: (b, { x, dy }) => b.mul(dy, b.scale(b.exp(b.neg(b.square(x))), 2 / Math.sqrt(Math.PI))),
  samples: [
    {
      why: "signs and sizes",
      x: [
        [-2, -0.5, 0.25],
        [1.5, 3, -1],
      ],
    },
    { why: "saturates", x: [-6, 6, 0.01] },
  ],
});
