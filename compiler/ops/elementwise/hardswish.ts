/** The piecewise quadratic swish. */

import { sampleArray } from "../kit/sample-array.js";
import { unary } from "../kit/unary.js";

/** `x * hardsigmoid(x)` (Howard et al., 2019). */
export const hardswish = unary({
  name: "hardswish",
  summary: "`x * hardsigmoid(x)`, the piecewise form of `silu`.",
  reason: "ONNX Runtime runs `HardSwish` as one kernel.",
  accepts: "float",
  flops: 4,
  onnx: "HardSwish",
  apply: (x) => x * Math.min(1, Math.max(0, x / 6 + 0.5)),
  // The slope is x / 3 + 1/2 between -3 and 3, otherwise 0 or 1: that is hardsigmoid(x) + x / 6 inside.
  vjp(b, { x, dy }) {
    const inside = b.less(b.emit("abs", [x]), b.constant(3, x.type.dtype));
    const bend = b.scale(b.mul(x, b.cast(inside, x.type.dtype)), 1 / 6);
    return b.mul(dy, b.add(b.emit("hardsigmoid", [x]), bend));
  },
  samples: [
    { why: "inside", x: sampleArray([2, 4]) },
    { why: "outside", x: [-5, -3.5, 4, 100] },
  ],
});
