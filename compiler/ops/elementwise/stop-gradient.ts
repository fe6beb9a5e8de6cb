/** A barrier for gradients. */

import { attr } from "../define.js";
import { unaryWith } from "../kit/unary.js";

/** The value itself, which counts as constant for gradients; with `when: false` it does not. */
export const stopGradient = unaryWith(
  { when: attr.bool(true) },
  {
    name: "stop_gradient",
    summary:
      "The value itself, which counts as constant for gradients; with `when: false` it does not.",
    reason: "No other op has the identity as its value and no gradient.",
    accepts: "any",
    flops: 0,
    onnx: "Identity",
    apply: (x) => x,
    vjp: (_b, { dy }, { when }) => (when ? null : dy),
    samples: [
      {
        why: "any values",
        x: [
          [-2, 0.5],
          [1, 3],
        ],
      },
      { why: "gradients pass", x: [1, 2], when: false },
    ],
  },
);
