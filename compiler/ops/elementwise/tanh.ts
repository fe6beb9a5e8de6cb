/** The hyperbolic tangent. */

import { unary } from "../kit/unary.js";

/** The hyperbolic tangent of each element. */
export const tanh = unary({
  name: "tanh",
  summary: "The hyperbolic tangent of each element.",
  reason: "Stable at both ends, and one ONNX Runtime kernel.",
  accepts: "float",
  flops: 4,
  onnx: "Tanh",
  apply: Math.tanh,
  // dx = dy * (1 - y^2)
  vjp: (b, { y, dy }) => b.mul(dy, b.shift(b.neg(b.square(y)), 1)),
  samples: [
    {
      why: "signs and sizes",
      x: [
        [-2, -0.5, 0.25],
        [1.5, 3, -1],
      ],
    },
    { why: "saturates without overflow", x: [-40, 40, 0] },
  ],
});
