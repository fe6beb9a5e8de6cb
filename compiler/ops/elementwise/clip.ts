/** Holding values between bounds. */

import { attr } from "../define.js";
import { sampleArray } from "../kit/sample-array.js";
import { unaryWith } from "../kit/unary.js";

/** Each element held between `low` and `high`; the gradient flows inside and at the bounds. */
export const clip = unaryWith(
  { low: attr.float(-Infinity), high: attr.float(Infinity) },
  {
    name: "clip",
    summary:
      "Each element held between `low` and `high`; the gradient flows inside and at the bounds.",
    reason: "`minimum` and `maximum` would share the gradient at the bounds.",
    accepts: "float",
    flops: 2,
    onnx: (o, x, dtype, { low, high }) =>
      o.node("Clip", [
        x,
        low === -Infinity ? "" : o.floats([low], [], dtype),
        high === Infinity ? "" : o.floats([high], [], dtype),
      ]),
    // As ONNX's: with low above high, high wins.
    apply: (x, { low, high }) => Math.min(Math.max(x, low), high),
    // dx = dy where low <= x <= high.
    vjp(b, { x, dy }, { low, high }) {
      const { dtype } = x.type;
      const masks = [
        ...(low === -Infinity ? [] : [b.greaterEqual(x, b.constant(low, dtype))]),
        ...(high === Infinity ? [] : [b.lessEqual(x, b.constant(high, dtype))]),
      ];
      return masks.reduce((dx, mask) => b.mul(dx, b.cast(mask, dtype)), dy);
    },
    samples: [
      { why: "both bounds", x: sampleArray([3, 4]), low: -0.5, high: 1.25 },
      { why: "from below", x: [-2, 0.5, 3], low: 0.25 },
      { why: "from above", x: [-2, 0.5, 3], high: 0.25 },
      { why: "no bound", x: [-2, 0.5] },
    ],
  },
);
