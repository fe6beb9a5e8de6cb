/** The gradient of `silu`. */

import { numelOf } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { ndarray } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { elementwise } from "../kit/sharding.js";

/** `g` times the slope of `silu` at `x`, with `out = silu(x)`: `s + out (1 - s)` for `s = sigmoid(x)`. */
export const siluGrad = defineOp({
  name: "silu_grad",
  summary: "`g` times the slope of `silu` at `x`, where its output is `out`.",
  reason: "A library computes it in one pass.",
  surface: "internal",
  inputs: { g: "float", x: "float", out: "float" },
  attrs: {},
  traits: ["elementwise"],

  infer: ({ g }) => g,
  sharding: ({ g }) => elementwise([g, g, g], g),
  vjp: null,
  flops: ({ g }) => 8 * numelOf(g),

  coarse: "SiluGrad",
  body(b, { g, x, out }) {
    const s = b.sigmoid(x);
    return b.mul(g, b.add(s, b.sub(out, b.mul(out, s))));
  },
  formulations: [],

  reference: ({ g, x, out }) =>
    ndarray(
      g.dtype,
      g.shape,
      x.data.map((value, i) => {
        const s = 1 / (1 + Math.exp(-value));
        return (g.data[i] ?? 0) * (s + (out.data[i] ?? 0) * (1 - s));
      }),
    ),

  samples: [
    {
      why: "signs and sizes",
      g: sampleArray([2, 4]),
      x: sampleArray([2, 4], 1),
      out: sampleArray([2, 4], 2),
    },
    { why: "far out the slope is 0 or 1", g: [1, 2, 3], x: [-60, 20, 60], out: [0, 20, 60] },
  ],
});
