/** The logarithm near one. */

import { positiveSample } from "../kit/sample-array.js";
import { unary } from "../kit/unary.js";

/** `log(1 + x)`, accurate for small `x`. */
export const log1p = unary({
  name: "log1p",
  summary: "`log(1 + x)`, accurate for small `x`.",
  reason: "Written out it loses every `x` below 1e-7 in f32.",
  accepts: "float",
  flops: 8,
  // With u = 1 + x as it is rounded, log(1 + x) = log(u) + (x - (u - 1)) / u up to second order.
  onnx(o, x, dtype) {
    const one = o.floats([1], [], dtype);
    const u = o.node("Add", [x, one]);
    const lost = o.node("Sub", [x, o.node("Sub", [u, one])]);
    // At x = -1 nothing is lost, and 0 / 0 must not be formed.
    const divisor = o.node("Max", [u, o.floats([1e-30], [], dtype)]);
    return o.node("Add", [o.node("Log", [u]), o.node("Div", [lost, divisor])]);
  },
  apply: Math.log1p,
  // dx = dy / (1 + x)
  vjp: (b, { x, dy }) => b.div(dy, b.shift(x, 1)),
  samples: [
    { why: "positive values", x: positiveSample([3, 4]) },
    { why: "small and negative ones", x: [1e-9, -1e-6, 1e-4, -0.5, -0.99] },
  ],
});
