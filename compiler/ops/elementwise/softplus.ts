/** The softplus function. */

import { unary } from "../kit/unary.js";

/** `log(1 + exp(x))`, without overflow. */
export const softplus = unary({
  name: "softplus",
  summary: "`log(1 + exp(x))`, without overflow.",
  reason: "Written out it overflows; ONNX Runtime's `Softplus` is stable.",
  accepts: "float",
  flops: 6,
  onnx: "Softplus",
  apply: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  // dx = dy * sigmoid(x)
  vjp: (b, { x, dy }) => b.mul(dy, b.sigmoid(x)),
  samples: [
    {
      why: "signs and sizes",
      x: [
        [-2, -0.5, 0.25],
        [1.5, 3, -1],
      ],
    },
    { why: "linear far above zero, vanishing far below", x: [-90, 90, 12] },
  ],
});
