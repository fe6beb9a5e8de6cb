/** The exponential near one. */

import { sampleArray } from "../kit/sample-array.js";
import { unary } from "../kit/unary.js";

/** `exp(x) - 1`, accurate for small `x`. */
export const expm1 = unary({
  name: "expm1",
  summary: "`exp(x) - 1`, accurate for small `x`.",
  reason: "Written out it loses every `x` below 1e-7 in f32.",
  accepts: "float",
  flops: 8,
  // exp(x) - 1 = tanh(x / 2) * (exp(x) + 1).
  onnx(o, x, dtype) {
    const half = o.node("Tanh", [o.node("Mul", [x, o.floats([0.5], [], dtype)])]);
    return o.node("Mul", [half, o.node("Add", [o.node("Exp", [x]), o.floats([1], [], dtype)])]);
  },
  apply: Math.expm1,
  // dx = dy * (y + 1)
  vjp: (b, { y, dy }) => b.mul(dy, b.shift(y, 1)),
  samples: [
    { why: "signs and sizes", x: sampleArray([3, 4]) },
    { why: "small and large ones", x: [1e-9, -1e-6, 1e-4, -50, 10] },
  ],
});
