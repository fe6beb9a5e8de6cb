/** A comparison. */

import { binary } from "../kit/binary.js";

/** Whether the first is above the second. */
export const greater = binary({
  name: "greater",
  summary: "Whether the first is above the second.",
  reason: "Comparisons make masks; no gradient passes them.",
  accepts: "number",
  result: "bool",
  onnx: "Greater",
  apply: (a, b) => (a > b ? 1 : 0),
  vjp: null,
  samples: [
    { why: "below, equal, above", a: [1, 2, 3], b: [2, 2, 2] },
    { why: "both sides broadcast", a: [[1], [2]], b: [[0.5, 1, 3]] },
  ],
});
