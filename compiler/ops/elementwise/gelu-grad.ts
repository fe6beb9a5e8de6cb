/** The gradient of `gelu`. */

import { numelOf, type DType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { erf } from "../kit/erf.js";
import { zip } from "../kit/ndarray.js";
import type { OnnxBuilder } from "../kit/onnx-builder.js";
import { sampleArray } from "../kit/sample-array.js";
import { elementwise } from "../kit/sharding.js";

/** The factor inside of the tanh approximation. */
export const rootTwoOverPi = Math.sqrt(2 / Math.PI);

/** `2 u` with `u = sqrt(2 / pi) * (x + 0.044715 x^3)`. */
export const doubledCubic = (o: OnnxBuilder, x: string, dtype: DType): string =>
  o.node("Mul", [x, evenQuadratic(o, x, { dtype, cubic: 0.044715 })]);

/** `2 sqrt(2 / pi) * (1 + cubic x^2)`. */
function evenQuadratic(
  o: OnnxBuilder,
  x: string,
  { dtype, cubic }: { readonly dtype: DType; readonly cubic: number },
): string {
  const number = (value: number): string => o.floats([value], [], dtype);
  const bent = o.node("Mul", [o.node("Mul", [x, x]), number(2 * cubic * rootTwoOverPi)]);
  return o.node("Add", [bent, number(2 * rootTwoOverPi)]);
}

/** `g` times the slope of `gelu` at `x`: `Phi(x) + x phi(x)`, or that of the tanh approximation. */
export const geluGrad = defineOp({
  name: "gelu_grad",
  summary: "`g` times the slope of `gelu` at `x`.",
  reason: "Nine passes over memory where the chain rule over its parts takes a dozen.",
  surface: "internal",
  inputs: { g: "float", x: "float" },
  attrs: { approximate: attr.choice(["none", "tanh"], "none") },
  traits: ["elementwise"],

  infer: ({ g }) => g,
  sharding: ({ g }) => elementwise([g, g], g),
  vjp: null,
  flops: ({ g }) => 16 * numelOf(g),

  coarse: "GeluGrad",
  formulations: [
    {
      name: "nodes",
      onnx(o, { g, x, approximate }) {
        const slope = approximate === "none" ? exactSlope : tanhSlope;
        return o.node("Mul", [g.name, slope(o, x.name, g.type.dtype)]);
      },
    },
  ],

  reference: ({ g, x, approximate }) =>
    zip(g, x, (cotangent, value) => cotangent * slopeOf(value, approximate)),

  samples: [
    { why: "exact", g: sampleArray([2, 4]), x: sampleArray([2, 4], 1) },
    { why: "far out the slope is 0 or 1", g: [1, 2, 3, 4], x: [-60, -8, 8, 60] },
    { why: "by tanh", g: sampleArray([2, 4]), x: sampleArray([2, 4], 1), approximate: "tanh" },
  ],
});

const half = { float: 0.5 };

/** With z = x / sqrt(2): Phi = (1 + erf z) / 2 and x phi(x) = z / exp(z^2) / sqrt(pi). */
function exactSlope(o: OnnxBuilder, x: string, dtype: DType): string {
  const number = (value: number): string => o.floats([value], [], dtype);
  const z = o.node("Mul", [x, number(Math.SQRT1_2)]);
  const phi = o.node("HardSigmoid", [o.node("Erf", [z])], { alpha: half, beta: half });
  const bell = o.node("Div", [z, o.node("Exp", [o.node("Mul", [z, z])])]);
  return o.node("Add", [phi, o.node("Mul", [bell, number(1 / Math.sqrt(Math.PI))])]);
}

/** With s = sigmoid(2 u): s + x s (1 - s) 2 u' = s (1 + x 2 u' (1 - s)). */
function tanhSlope(o: OnnxBuilder, x: string, dtype: DType): string {
  const one = o.floats([1], [], dtype);
  const s = o.node("Sigmoid", [doubledCubic(o, x, dtype)]);
  const steepness = evenQuadratic(o, x, { dtype, cubic: 3 * 0.044715 });
  const bend = o.node("Mul", [o.node("Mul", [x, steepness]), o.node("Sub", [one, s])]);
  return o.node("Mul", [s, o.node("Add", [bend, one])]);
}

function slopeOf(x: number, approximate: "none" | "tanh"): number {
  if (approximate === "none") {
    const phi = 0.5 * (1 + erf(x / Math.SQRT2));
    return phi + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
  }
  const t = Math.tanh(rootTwoOverPi * (x + 0.044715 * x ** 3));
  const slope = rootTwoOverPi * (1 + 3 * 0.044715 * x * x);
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope;
}
