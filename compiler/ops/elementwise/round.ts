/** Rounding to the nearest integer. */

import { unary } from "../kit/unary.js";

/** The nearest integer to each element, halves to the even one; no gradient flows. */
export const round = unary({
  name: "round",
  summary: "The nearest integer to each element, halves to the even one; no gradient flows.",
  reason: "ONNX Runtime runs `Round` as one kernel.",
  accepts: "float",
  flops: 1,
  onnx: "Round",
  apply: roundHalfEven,
  // The slope is zero wherever it exists.
  vjp: () => null,
  samples: [
    { why: "signs, whole numbers and halves", x: [-2.5, -1.5, -0.4, 0.5, 1.5, 2.5, 2.6] },
    { why: "a scalar", x: 0.7 },
  ],
});

function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}
