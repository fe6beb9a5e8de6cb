/** Subtraction. */

import { binary } from "../kit/binary.js";

/** The difference of two tensors, after broadcasting. */
export const sub = binary({
  name: "sub",
  summary: "The difference of two tensors, after broadcasting.",
  reason: "Arithmetic.",
  accepts: "number",
  onnx: "Sub",
  apply: (a, b) => a - b,
  // da = dy, db = -dy
  vjp: (build, { dy }) => ({ a: dy, b: build.neg(dy) }),
  samples: [
    {
      why: "equal shapes",
      a: [
        [1, -2],
        [3, 0.5],
      ],
      b: [
        [2, 4],
        [-1, 0.25],
      ],
    },
    {
      why: "a row broadcasts over a matrix",
      a: [
        [1, -2, 3],
        [0.5, 4, -1],
      ],
      b: [2, -3, 0.5],
    },
    { why: "both sides broadcast", a: [[1], [2], [-3]], b: [[0.5, -4]] },
    { why: "a scalar on the left", a: 3, b: [2, -5] },
  ],
});
