/** The logistic function. */

import { unary } from "../kit/unary.js";

/** Never raises e to a positive power. */
const logistic = (x: number): number =>
  x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));

/** The logistic function 1 / (1 + exp(-x)). */
export const sigmoid = unary({
  name: "sigmoid",
  summary: "The logistic function 1 / (1 + exp(-x)).",
  reason: "Stable at both ends, and one ONNX Runtime kernel.",
  accepts: "float",
  flops: 4,
  onnx: "Sigmoid",
  apply: logistic,
  // dx = dy * y * (1 - y)
  vjp: (b, { y, dy }) => b.mul(dy, b.mul(y, b.shift(b.neg(y), 1))),
  samples: [
    {
      why: "signs and sizes",
      x: [
        [-2, -0.5, 0.25],
        [1.5, 3, -1],
      ],
    },
    { why: "saturates without overflow", x: [-100, -30, 30, 100] },
  ],
});
