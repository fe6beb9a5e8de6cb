/** The rectified linear unit. */

import { unary } from "../kit/unary.js";

/** Each element where it is positive, zero elsewhere; the gradient at zero is zero. */
export const relu = unary({
  name: "relu",
  summary: "Each element where it is positive, zero elsewhere; the gradient at zero is zero.",
  reason: "ONNX Runtime runs `Relu` as one kernel and fuses it into convolutions.",
  accepts: "float",
  flops: 1,
  onnx: "Relu",
  apply: (x) => Math.max(x, 0),
  // dx = dy where y > 0
  vjp: (b, { y, dy }) => b.reluGrad(dy, y),
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
