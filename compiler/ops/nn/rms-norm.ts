/** Normalization by the root of the mean square. */

import { numelOf, rankOf } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { reduceAxes, sumOf, zip } from "../kit/ndarray.js";
import { parametersMatch, trailingAxes } from "../kit/rows.js";
import { sampleArray } from "../kit/sample-array.js";
import { axisNames, type FactorRole, shardingRule } from "../kit/sharding.js";

/** `x / sqrt(mean(x^2) + eps) * scale` over the last axes, those of `scale` (Zhang and Sennrich, 2019). */
export const rmsNorm = defineOp({
  name: "rms_norm",
  summary: "`x / sqrt(mean(x^2) + eps) * scale` over the last axes, those of `scale`.",
  reason: "Its gradient has a short form that reuses the normalized values.",
  surface: "public",
  inputs: { x: "float", scale: "float" },
  attrs: { eps: attr.float(1e-6) },

  infer: ({ x, scale }) => parametersMatch("rms_norm", x, { scale }) ?? x,

  sharding({ x, scale }) {
    const names = axisNames(x);
    const own = names.slice(-rankOf(scale));
    return shardingRule(
      [names, own],
      [names],
      Object.fromEntries(own.map((name): [string, FactorRole] => [name, "replicate"])),
    );
  },

  // With r = 1 / sqrt(mean(x^2) + eps), xhat = r x and h = dy * scale: dx = r (h - xhat mean(h xhat)).
  vjp(b, { x, scale, eps, dy }) {
    const axes = trailingAxes(rankOf(x.type), rankOf(x.type) - rankOf(scale.type));
    const kept = { axes, keep: true };
    const inverse = b.rsqrt(b.shift(b.mean(b.square(x), kept), eps));
    const xhat = b.mul(x, inverse);
    const pulled = b.mul(dy, xhat);
    const along = b.mul(xhat, b.mean(b.mul(pulled, scale), kept));
    return {
      x: b.mul(inverse, b.sub(b.mul(dy, scale), along)),
      scale: b.sumTo(pulled, scale.type.shape),
    };
  },

  flops: ({ x }) => 4 * numelOf(x),

  formulations: [
    {
      name: "squares",
      onnx(o, { x, scale, eps }) {
        const { dtype, shape } = x.type;
        const axes = o.ints(trailingAxes(shape.length, shape.length - rankOf(scale.type)));
        const mean = o.node("ReduceMean", [o.node("Mul", [x.name, x.name]), axes], { keepdims: 1 });
        const root = o.node("Sqrt", [o.node("Add", [mean, o.floats([eps], [], dtype)])]);
        return o.node("Mul", [o.node("Div", [x.name, root]), scale.name]);
      },
    },
  ],

  reference({ x, scale, eps }) {
    const axes = trailingAxes(x.shape.length, x.shape.length - scale.shape.length);
    const root = reduceAxes(x, { axes, keep: true }, (values) =>
      Math.sqrt(sumOf(values.map((value) => value * value)) / values.length + eps),
    );
    return zip(
      zip(x, root, (a, b) => a / b),
      scale,
      (a, b) => a * b,
    );
  },

  samples: [
    { why: "the last axis", x: sampleArray([3, 4]), scale: [1, -0.5, 2, 1.5] },
    {
      why: "the last two of three axes, a larger eps",
      x: sampleArray([2, 2, 3]),
      scale: sampleArray([2, 3], 1),
      eps: 0.1,
    },
  ],
});
