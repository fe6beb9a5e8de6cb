/** Signs. */

import { unary } from "../kit/unary.js";

/** -1, 0 or 1 for each element; no gradient flows. */
export const sign = unary({
  name: "sign",
  summary: "`-1`, 0 or 1 for each element; no gradient flows.",
  reason: "ONNX Runtime runs `Sign` as one kernel.",
  accepts: "float",
  flops: 1,
  onnx: "Sign",
  apply: Math.sign,
  // The slope is zero wherever it exists.
  vjp: () => null,
  samples: [
    { why: "signs, whole numbers and halves", x: [-2, -0.5, 0, 0.25, 3] },
    { why: "a scalar", x: 0.7 },
  ],
});
