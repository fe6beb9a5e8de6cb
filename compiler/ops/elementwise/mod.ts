/** Remainders of integers. */

import { binary } from "../kit/binary.js";

/** The remainder of `a / b` with the sign of `b`, for integers. */
export const mod = binary({
  name: "mod",
  summary: "The remainder of `a / b` with the sign of `b`, for integers.",
  reason: "`div` on integers truncates, so that a remainder made of it has the sign of `a`.",
  accepts: "int",
  onnx: "Mod",
  apply: (a, b) => a - b * Math.floor(a / b),
  vjp: null,
  samples: [
    { why: "all signs", a: [7, -7, 7, -7, 6], b: [3, 3, -3, -3, 3] },
    {
      why: "a scalar divisor",
      a: [
        [0, 1, 2],
        [3, 4, 5],
      ],
      b: 4,
    },
  ],
});
