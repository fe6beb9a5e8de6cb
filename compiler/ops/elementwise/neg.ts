/** Negation. */

import { unary } from "../kit/unary.js";

/** The negative of each element. */
export const neg = unary({
  name: "neg",
  summary: "The negative of each element.",
  reason: "ONNX Runtime runs `Neg` as one kernel, for integers too.",
  accepts: "number",
  flops: 1,
  onnx: "Neg",
  apply: (x) => -x,
  // dx = -dy
  vjp: (b, { dy }) => b.neg(dy),
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
