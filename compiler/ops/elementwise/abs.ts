/** Absolute value. */

import { unary } from "../kit/unary.js";

/** The absolute value of each element; its gradient at zero is zero. */
export const abs = unary({
  name: "abs",
  summary: "The absolute value of each element; its gradient at zero is zero.",
  reason: "ONNX Runtime runs `Abs` as one kernel.",
  accepts: "number",
  flops: 1,
  onnx: "Abs",
  apply: Math.abs,
  // dx = dy * sign(x), with sign(0) = 0.
  vjp: (b, { x, dy }) => {
    const zero = b.constant(0, x.type.dtype);
    const [above, below] = [b.greater(x, zero), b.less(x, zero)];
    return b.mul(dy, b.sub(b.cast(above, dy.type.dtype), b.cast(below, dy.type.dtype)));
  },
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
