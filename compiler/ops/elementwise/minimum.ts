/** The smaller of two. */

import { binary } from "../kit/binary.js";

/** The smaller of two tensors, element by element; equal ones share the gradient evenly. */
export const minimum = binary({
  name: "minimum",
  summary: "The smaller of two tensors, element by element; equal ones share the gradient evenly.",
  reason: "ONNX Runtime runs `Min` as one kernel.",
  accepts: "number",
  commutative: true,
  onnx: "Min",
  apply: (a, b) => Math.min(a, b),
  // The winner takes dy; a tie is half of it each.
  vjp: (build, { a, b, dy }) => {
    const strict = build.cast(build.less(a, b), dy.type.dtype);
    const weak = build.cast(build.lessEqual(a, b), dy.type.dtype);
    const share = build.scale(build.add(strict, weak), 0.5);
    const left = build.mul(dy, share);
    return { a: left, b: build.sub(dy, left) };
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
