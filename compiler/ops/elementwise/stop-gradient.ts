/** A barrier for gradients. */

import { unary } from "../kit/unary.js";

/** The value itself, which counts as constant for gradients. */
export const stopGradient = unary({
  name: "stop_gradient",
  summary: "The value itself, which counts as constant for gradients.",
  reason: "No other op has the identity as its value and no gradient.",
  accepts: "any",
  flops: 0,
  onnx: "Identity",
  apply: (x) => x,
  vjp: () => null,
  samples: [
    {
      why: "any values",
      x: [
        [-2, 0.5],
        [1, 3],
      ],
    },
  ],
});
