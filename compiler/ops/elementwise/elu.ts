/** The exponential linear unit. */

import { attr } from "../define.js";
import { sampleArray } from "../kit/sample-array.js";
import { unaryWith } from "../kit/unary.js";

/** `x` where it is positive, `alpha * (exp(x) - 1)` elsewhere (Clevert et al., 2015). */
export const elu = unaryWith(
  { alpha: attr.float(1) },
  {
    name: "elu",
    summary: "`x` where it is positive, `alpha * (exp(x) - 1)` elsewhere.",
    reason: "ONNX Runtime runs `Elu` as one kernel; the other branch of a `where` overflows.",
    accepts: "float",
    flops: 4,
    onnx: (o, x, _, { alpha }) => o.node("Elu", [x], { alpha: { float: alpha } }),
    apply: (x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)),
    // Below zero the slope is y + alpha, above it is 1.
    vjp(b, { y, dy }, { alpha }) {
      // `Min` runs on one thread, `Relu` on all.
      const negative = b.sub(y, b.emit("relu", [y]));
      const below = b.mul(dy, b.shift(negative, alpha));
      return alpha === 1 ? below : b.add(below, b.scale(b.reluGrad(dy, y), 1 - alpha));
    },
    samples: [
      { why: "signs and sizes", x: sampleArray([3, 5]) },
      { why: "another limit", x: [-3, 0.5, 2], alpha: 0.5 },
      { why: "saturates below, does not overflow above", x: [-200, 200] },
    ],
  },
);
