/** Addition. */

import { binary } from "../kit/binary.js";

/** The sum of two tensors, after broadcasting. */
export const add = binary({
  name: "add",
  summary: "The sum of two tensors, after broadcasting.",
  reason: "Arithmetic.",
  accepts: "number",
  commutative: true,
  onnx: "Add",
  apply: (a, b) => a + b,
  // da = dy, db = dy
  vjp: (_, { dy }) => ({ a: dy, b: dy }),
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
