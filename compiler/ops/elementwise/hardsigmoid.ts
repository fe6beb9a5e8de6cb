/** The piecewise linear sigmoid. */

import { sampleArray } from "../kit/sample-array.js";
import { unary } from "../kit/unary.js";

/** `x / 6 + 1/2`, held between 0 and 1 (Howard et al., 2019). */
export const hardsigmoid = unary({
  name: "hardsigmoid",
  summary: "`x / 6 + 1/2`, held between 0 and 1.",
  reason: "ONNX Runtime runs `HardSigmoid` as one kernel.",
  accepts: "float",
  flops: 3,
  onnx: (o, x) => o.node("HardSigmoid", [x], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } }),
  apply: (x) => Math.min(1, Math.max(0, x / 6 + 0.5)),
  // dx = dy / 6 between -3 and 3.
  vjp(b, { x, dy }) {
    const inside = b.less(b.emit("abs", [x]), b.constant(3, x.type.dtype));
    return b.scale(b.mul(dy, b.cast(inside, dy.type.dtype)), 1 / 6);
  },
  samples: [
    { why: "inside", x: sampleArray([2, 4]) },
    { why: "outside", x: [-5, -3.5, 4, 100] },
  ],
});
