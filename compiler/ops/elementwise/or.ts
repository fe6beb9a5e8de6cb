/** Logical disjunction. */

import { binary } from "../kit/binary.js";

/** True where one or both are true. */
export const or = binary({
  name: "or",
  summary: "True where one or both are true.",
  reason: "ONNX has it for bools only.",
  accepts: "bool",
  result: "bool",
  commutative: true,
  onnx: "Or",
  apply: (a, b) => Math.max(a, b),
  vjp: null,
  samples: [
    { why: "all four cases", a: [0, 0, 1, 1], b: [0, 1, 0, 1] },
    { why: "both sides broadcast", a: [[0], [1]], b: [[0, 1]] },
  ],
});
