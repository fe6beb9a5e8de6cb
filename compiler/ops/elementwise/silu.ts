/** The sigmoid linear unit. */

import { sampleArray } from "../kit/sample-array.js";
import { unary } from "../kit/unary.js";

/** `x * sigmoid(x)` (Elfwing et al., 2017), also called swish. */
export const silu = unary({
  name: "silu",
  summary: "`x * sigmoid(x)`, also called swish.",
  reason: "ONNX Runtime fuses it into one kernel, and its gradient reuses the result.",
  accepts: "float",
  flops: 5,
  onnx: (o, x) => o.node("Mul", [x, o.node("Sigmoid", [x])]),
  apply: (x) => x / (1 + Math.exp(-x)),
  coarse: "Silu",
  vjp: (b, { x, y, dy }) => b.emit("silu_grad", [dy, x, y]),
  samples: [
    { why: "signs and sizes", x: sampleArray([3, 5]) },
    { why: "saturates at both ends", x: [-80, -20, 20, 80] },
  ],
});
