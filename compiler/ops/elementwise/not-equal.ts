/** Inequality. */

import { binary } from "../kit/binary.js";

/** Whether two elements differ. */
export const notEqual = binary({
  name: "not_equal",
  summary: "Whether two elements differ.",
  reason: "Comparisons make masks; no gradient passes them.",
  accepts: "any",
  result: "bool",
  commutative: true,
  onnx: (o, a, b) => o.node("Not", [o.node("Equal", [a, b])]),
  apply: (a, b) => (a === b ? 0 : 1),
  vjp: null,
  samples: [
    { why: "below, equal, above", a: [1, 2, 3], b: [2, 2, 2] },
    { why: "both sides broadcast", a: [[1], [2]], b: [[0.5, 1, 3]] },
  ],
});
