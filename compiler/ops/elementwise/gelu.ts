/** The Gaussian error linear unit. */

import { attr } from "../define.js";
import { erf } from "../kit/erf.js";
import { sampleArray } from "../kit/sample-array.js";
import { unaryWith } from "../kit/unary.js";
import { doubledCubic, rootTwoOverPi } from "./gelu-grad.js";

/** `x * Phi(x)` with the normal distribution function, or its tanh approximation (Hendrycks and Gimpel, 2016). */
export const gelu = unaryWith(
  { approximate: attr.choice(["none", "tanh"], "none") },
  {
    name: "gelu",
    summary:
      "`x * Phi(x)` with the normal distribution function, or with its tanh approximation (`approximate: tanh`).",
    reason: "ONNX Runtime fuses the five nodes into one kernel, and its gradient has a short form.",
    accepts: "float",
    coarse: "Gelu",
    flops: 8,
    onnx(o, x, dtype, { approximate }) {
      // (1 + tanh u) / 2 = sigmoid(2 u).
      if (approximate === "tanh")
        return o.node("Mul", [x, o.node("Sigmoid", [doubledCubic(o, x, dtype)])]);
      const number = (value: number): string => o.floats([value], [], dtype);
      const scaled = o.node("Erf", [o.node("Div", [x, number(Math.SQRT2)])]);
      const share = o.node("Mul", [x, o.node("Add", [scaled, number(1)])]);
      return o.node("Mul", [share, number(0.5)]);
    },
    apply(x, { approximate }) {
      const inner =
        approximate === "none"
          ? erf(x / Math.SQRT2)
          : Math.tanh(rootTwoOverPi * (x + 0.044715 * x ** 3));
      return 0.5 * x * (1 + inner);
    },
    vjp: (b, { x, dy }, { approximate }) => b.emit("gelu_grad", [dy, x], { approximate }),
    samples: [
      { why: "exact", x: sampleArray([3, 5]) },
      { why: "by tanh", x: sampleArray([3, 5], 2), approximate: "tanh" },
      { why: "saturates at both ends", x: [-40, -9, 9, 40] },
      { why: "by tanh it saturates, too", x: [-40, -9, 9, 40], approximate: "tanh" },
    ],
  },
);
