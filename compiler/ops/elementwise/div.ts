/** Division. */

import { binary } from "../kit/binary.js";

/** The quotient of two tensors, after broadcasting; integers round toward zero. */
export const div = binary({
  name: "div",
  summary: "The quotient of two tensors, after broadcasting; integers round toward zero.",
  reason: "Arithmetic.",
  accepts: "number",
  onnx: "Div",
  apply: (a, b, { integer }) => (integer ? Math.trunc(a / b) : a / b),
  // da = dy / b, db = -dy * y / b
  vjp: (build, { b, y, dy }) => {
    const a = build.div(dy, b);
    return { a, b: build.neg(build.mul(a, y)) };
  },
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
