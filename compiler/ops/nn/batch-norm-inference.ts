/** Batch normalization with given statistics. */

import { at } from "../../../grammar/invariant.js";
import { numelOf, rankOf } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { channelsMatch, normalized, spatialAxes } from "../kit/channels.js";
import { axisNames, shardingRule } from "../kit/sharding.js";

/** `(x - mean) / sqrt(variance + eps) * scale + bias` per channel (axis 1), with given statistics. */
export const batchNormInference = defineOp({
  name: "batch_norm_inference",
  summary:
    "`(x - mean) / sqrt(variance + eps) * scale + bias` per channel (axis 1), with given statistics.",
  reason: "ONNX Runtime runs it as one kernel and folds it into a convolution before it.",
  surface: "public",
  inputs: { x: "float", scale: "float", bias: "float", mean: "float", variance: "float" },
  attrs: { eps: attr.float(1e-5) },

  infer: ({ x, scale, bias, mean, variance }) =>
    channelsMatch("batch_norm_inference", x, { scale, bias, mean, variance }) ?? x,

  sharding({ x }) {
    const names = axisNames(x);
    return shardingRule([names, ["d1"], ["d1"], ["d1"], ["d1"]], [names]);
  },

  // With s = sqrt(variance + eps): dx = dy * scale / s, dscale = sum(dy * (x - mean)) / s,
  // dbias = sum(dy), dmean = -dbias * scale / s, dvariance = -dscale * scale / (2 s^2).
  vjp(b, { x, scale, mean, variance, eps, dy }) {
    const rank = rankOf(x.type);
    const axes = spatialAxes(rank);
    const lifted = [at(x.type.shape, 1), ...Array.from({ length: rank - 2 }, () => 1)];
    const inverse = b.rsqrt(b.shift(variance, eps));
    const factor = b.mul(scale, inverse);
    const centered = b.sub(x, b.reshape(mean, lifted));
    const dbias = b.sum(dy, { axes, keep: false });
    const dscale = b.mul(b.sum(b.mul(dy, centered), { axes, keep: false }), inverse);
    return {
      x: b.mul(dy, b.reshape(factor, lifted)),
      scale: dscale,
      bias: dbias,
      mean: b.neg(b.mul(dbias, factor)),
      variance: b.scale(b.mul(dscale, b.mul(factor, inverse)), -0.5),
    };
  },

  flops: ({ x }) => 2 * numelOf(x),

  formulations: [
    {
      name: "kernel",
      onnx: (o, { x, scale, bias, mean, variance, eps }) =>
        o.node("BatchNormalization", [x.name, scale.name, bias.name, mean.name, variance.name], {
          epsilon: { float: eps },
        }),
    },
  ],

  reference: ({ x, scale, bias, mean, variance, eps }) =>
    normalized(x, { scale, bias, mean, variance, eps }),

  samples: [
    {
      why: "images",
      x: [
        [
          [
            [1, 2],
            [3, 5],
          ],
          [
            [0, -1],
            [2, 0.5],
          ],
        ],
      ],
      scale: [1.5, -0.5],
      bias: [0.1, 2],
      mean: [1, 0.5],
      variance: [2, 0.3],
    },
    {
      why: "vectors, a larger eps",
      x: [
        [1, 2],
        [3, -1],
      ],
      scale: [1, 2],
      bias: [0, -1],
      mean: [0.5, 1],
      variance: [1, 4],
      eps: 0.1,
    },
  ],
});
