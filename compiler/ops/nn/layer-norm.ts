/** Layer normalization. */

import { numelOf, rankOf } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { mapElements, zip } from "../kit/ndarray.js";
import { momentsKept, parametersMatch, trailingAxes } from "../kit/rows.js";
import { sampleArray } from "../kit/sample-array.js";
import { axisNames, type FactorRole, shardingRule } from "../kit/sharding.js";

/** Zero mean and unit variance over the last axes, those of `scale` and `bias`, then `* scale + bias` (Ba et al., 2016). */
export const layerNorm = defineOp({
  name: "layer_norm",
  summary:
    "Zero mean and unit variance over the last axes, those of `scale` and `bias`, then `* scale + bias`.",
  reason:
    "ONNX Runtime runs `LayerNormalization` as one kernel, and its gradient has a short form.",
  surface: "public",
  inputs: { x: "float", scale: "float", bias: "float" },
  attrs: { eps: attr.float(1e-5) },

  infer: ({ x, scale, bias }) => parametersMatch("layer_norm", x, { scale, bias }) ?? x,

  sharding({ x, scale }) {
    const names = axisNames(x);
    const own = names.slice(-rankOf(scale));
    return shardingRule(
      [names, own, own],
      [names],
      Object.fromEntries(own.map((name): [string, FactorRole] => [name, "replicate"])),
    );
  },

  vjp(b, { x, scale, eps, dy }) {
    const [dx, dscale, dbias] = b.emitAll("layer_norm_grad", [dy, x, scale], { eps });
    return { x: dx ?? null, scale: dscale ?? null, bias: dbias ?? null };
  },

  flops: ({ x }) => 8 * numelOf(x),

  coarse: "LayerNorm",
  formulations: [
    {
      name: "kernel",
      onnx: (o, { x, scale, bias, eps }) =>
        o.node("LayerNormalization", [x.name, scale.name, bias.name], {
          axis: rankOf(x.type) - rankOf(scale.type),
          epsilon: { float: eps },
        }),
    },
  ],

  reference({ x, scale, bias, eps }) {
    const from = x.shape.length - scale.shape.length;
    const { mean, variance } = momentsKept(x, trailingAxes(x.shape.length, from));
    const inverse = mapElements(variance, (value) => 1 / Math.sqrt(value + eps));
    const xhat = zip(
      zip(x, mean, (a, b) => a - b),
      inverse,
      (a, b) => a * b,
    );
    return zip(
      zip(xhat, scale, (a, b) => a * b),
      bias,
      (a, b) => a + b,
    );
  },

  samples: [
    {
      why: "the last axis",
      x: sampleArray([3, 4]),
      scale: [1, -0.5, 2, 1.5],
      bias: [0, 1, -1, 0.5],
    },
    {
      why: "the last two of three axes, a larger eps",
      x: sampleArray([2, 2, 3]),
      scale: sampleArray([2, 3], 1),
      bias: sampleArray([2, 3], 2),
      eps: 0.1,
    },
    {
      why: "a sequence",
      x: sampleArray([2, 3, 4]),
      scale: sampleArray([4], 3),
      bias: sampleArray([4], 4),
    },
  ],
});
