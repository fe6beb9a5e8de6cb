/** Logical conjunction. */

import { binary } from "../kit/binary.js";

/** True where both are true. */
export const and = binary({
  name: "and",
  summary: "True where both are true.",
  reason: "ONNX has it for bools only.",
  accepts: "bool",
  result: "bool",
  commutative: true,
  onnx: "And",
  apply: (a, b) => a * b,
  vjp: null,
  samples: [
    { why: "all four cases", a: [0, 0, 1, 1], b: [0, 1, 0, 1] },
    { why: "both sides broadcast", a: [[0], [1]], b: [[0, 1]] },
  ],
});
