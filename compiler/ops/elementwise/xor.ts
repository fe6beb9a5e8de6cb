/** Exclusive or. */

import { binary } from "../kit/binary.js";

/** True where exactly one side is true. */
export const xor = binary({
  name: "xor",
  summary: "True where exactly one side is true.",
  reason: "Logic on masks.",
  accepts: "bool",
  commutative: true,
  onnx: "Xor",
  apply: (a, b) => Number(a !== b),
  vjp: null,
  samples: [{ why: "all four cases", a: [0, 0, 1, 1], b: [0, 1, 0, 1] }],
});
