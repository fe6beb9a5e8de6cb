/** The test for NaN. */

import { unary } from "../kit/unary.js";

/** Whether each element is not a number. */
export const isnan = unary({
  name: "isnan",
  summary: "Whether each element is not a number.",
  reason: "A comparison of a value with itself is folded away by optimizers.",
  accepts: "float",
  result: "bool",
  flops: 1,
  onnx: "IsNaN",
  apply: (x) => Number(Number.isNaN(x)),
  vjp: null,
  samples: [{ why: "infinities are numbers", x: [1, NaN, Infinity, -Infinity, 0] }],
});
