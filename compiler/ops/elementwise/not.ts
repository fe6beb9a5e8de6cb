/** Logical negation. */

import { unary } from "../kit/unary.js";

/** True where the element is false. */
export const not = unary({
  name: "not",
  summary: "True where the element is false.",
  reason: "ONNX has it for bools only.",
  accepts: "bool",
  flops: 1,
  onnx: "Not",
  apply: (x) => (x === 0 ? 1 : 0),
  vjp: null,
  samples: [{ why: "both values", x: [0, 1, 1] }],
});
