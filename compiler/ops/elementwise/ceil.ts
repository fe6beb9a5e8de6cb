/** Rounding up. */

import { unary } from "../kit/unary.js";

/** The smallest integer not below each element; no gradient flows. */
export const ceil = unary({
  name: "ceil",
  summary: "The smallest integer not below each element; no gradient flows.",
  reason: "ONNX Runtime runs `Ceil` as one kernel.",
  accepts: "float",
  flops: 1,
  onnx: "Ceil",
  apply: Math.ceil,
  // The slope is zero wherever it exists.
  vjp: () => null,
  samples: [
    { why: "signs, whole numbers and halves", x: [-2, -1.5, 0.25, 1.5, 3] },
    { why: "a scalar", x: 0.7 },
  ],
});
