/** The rectifier that lets a part of the negative side through. */

import { attr } from "../define.js";
import { sampleArray } from "../kit/sample-array.js";
import { unaryWith } from "../kit/unary.js";

/** `x` where it is positive, `slope * x` elsewhere; the gradient at zero is `slope`. */
export const leakyRelu = unaryWith(
  { slope: attr.float(0.01) },
  {
    name: "leaky_relu",
    summary: "`x` where it is positive, `slope * x` elsewhere; the gradient at zero is `slope`.",
    reason: "ONNX Runtime runs `LeakyRelu` as one kernel.",
    accepts: "float",
    flops: 2,
    onnx: (o, x, _, { slope }) => o.node("LeakyRelu", [x], { alpha: { float: slope } }),
    apply: (x, { slope }) => (x > 0 ? x : slope * x),
    // dx = slope * dy + (1 - slope) * dy where x > 0.
    vjp: (b, { x, dy }, { slope }) =>
      b.add(b.scale(dy, slope), b.scale(b.reluGrad(dy, x), 1 - slope)),
    samples: [
      { why: "signs and sizes", x: sampleArray([3, 5]) },
      { why: "another slope", x: [-3, 0.5, 2], slope: 0.2 },
      { why: "a slope of zero", x: [-3, 0.5], slope: 0 },
    ],
  },
);
