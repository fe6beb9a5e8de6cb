/** Rounding down. */

import { unary } from "../kit/unary.js";

/** The largest integer not above each element; no gradient flows. */
export const floor = unary({
  name: "floor",
  summary: "The largest integer not above each element; no gradient flows.",
  reason: "ONNX Runtime runs `Floor` as one kernel.",
  accepts: "float",
  flops: 1,
  onnx: "Floor",
  apply: Math.floor,
  // The slope is zero wherever it exists.
  vjp: () => null,
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
