/** Powers. */

import { binary } from "../kit/binary.js";

/** The first tensor to the power of the second, after broadcasting. */
export const pow = binary({
  name: "pow",
  summary: "The first tensor to the power of the second, after broadcasting.",
  reason: "A fused kernel; exp(b * log(a)) would lose negative bases.",
  accepts: "float",
  onnx: "Pow",
  apply: (a, b) => a ** b,
  // da = dy * b * a^(b - 1), db = dy * y * log(a), where a base that is not positive gives db = 0.
  vjp: (build, { a, b, y, dy }) => {
    const one = build.constant(1, a.type.dtype);
    const base = build.where(build.greater(a, build.constant(0, a.type.dtype)), a, one);
    return {
      a: build.mul(dy, build.mul(b, build.pow(a, build.sub(b, one)))),
      b: build.mul(dy, build.mul(y, build.log(base))),
    };
  },
  samples: [
    {
      why: "equal shapes",
      a: [
        [1, 2],
        [3, 0.5],
      ],
      b: [
        [2, 4],
        [-1, 0.25],
      ],
    },
    { why: "a scalar exponent", a: [0.3, 1.5, 2], b: 3 },
    { why: "both sides broadcast", a: [[1.5], [2]], b: [[0.5, -2, 1]] },
  ],
});
