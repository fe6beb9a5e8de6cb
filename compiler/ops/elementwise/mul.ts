/** Multiplication. */

import { binary } from "../kit/binary.js";

/** The product of two tensors, element by element, after broadcasting. */
export const mul = binary({
  name: "mul",
  summary: "The product of two tensors, element by element, after broadcasting.",
  reason: "Arithmetic.",
  accepts: "number",
  commutative: true,
  onnx: "Mul",
  apply: (a, b) => a * b,
  // da = dy * b, db = dy * a
  vjp: (build, { a, b, dy }) => ({ a: build.mul(dy, b), b: build.mul(dy, a) }),
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
