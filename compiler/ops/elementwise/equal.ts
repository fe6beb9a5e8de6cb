/** Equality. */

import { binary } from "../kit/binary.js";

/** Whether two elements are equal. */
export const equal = binary({
  name: "equal",
  summary: "Whether two elements are equal.",
  reason: "Comparisons make masks; no gradient passes them.",
  accepts: "any",
  result: "bool",
  commutative: true,
  onnx: "Equal",
  apply: (a, b) => (a === b ? 1 : 0),
  vjp: null,
  samples: [
    { why: "below, equal, above", a: [1, 2, 3], b: [2, 2, 2] },
    { why: "both sides broadcast", a: [[1], [2]], b: [[0.5, 1, 3]] },
  ],
});
