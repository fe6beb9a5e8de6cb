/** The gradient of `relu`. */

import { numelOf } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { zip } from "../kit/ndarray.js";
import { onnxDType } from "../kit/onnx-dtype.js";
import { elementwise } from "../kit/sharding.js";

/** `g` where the output `out` of `relu` is positive, zero elsewhere. */
export const reluGrad = defineOp({
  name: "relu_grad",
  summary: "`g` where the output `out` of `relu` is positive, zero elsewhere.",
  reason: "Two multithreaded kernels instead of `Where`, which is ten times slower.",
  surface: "internal",
  inputs: { g: "float", out: "float" },
  attrs: {},
  traits: ["elementwise"],

  infer: ({ g }) => g,

  sharding: ({ g }) => elementwise([g, g], g),

  // Linear in g: dg = dy where out > 0. The mask has no slope.
  vjp: (b, { out, dy }) => ({ g: b.reluGrad(dy, out), out: null }),

  flops: ({ g }) => 2 * numelOf(g),

  coarse: "ReluGrad",
  formulations: [
    {
      // The step function as a steep ramp, exact for outputs of at least 1e-30.
      name: "hard-sigmoid",
      when: ({ g }) => g.dtype === "f32",
      onnx: (o, { g, out }) =>
        o.node("Mul", [
          g.name,
          o.node("HardSigmoid", [out.name], { alpha: { float: 1e30 }, beta: { float: 0 } }),
        ]),
    },
    {
      name: "mask",
      onnx(o, { g, out }) {
        const positive = o.node("Greater", [out.name, o.floats([0], [], g.type.dtype)]);
        return o.node("Mul", [g.name, o.node("Cast", [positive], { to: onnxDType(g.type.dtype) })]);
      },
    },
  ],

  reference: ({ g, out }) => zip(g, out, (value, y) => (y > 0 ? value : 0)),

  samples: [
    { why: "zero and positive outputs", g: [1, -2, 3], out: [0, 0.5, 2] },
    { why: "a small output still counts", g: [[1, 2]], out: [[1e-6, 0]] },
  ],
});
