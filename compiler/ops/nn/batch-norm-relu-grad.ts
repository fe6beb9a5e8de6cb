/** The gradient of batch normalization with a rectifier after it. */

import { numelOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { channelsMatch, channelSums, lift } from "../kit/channels.js";
import { mapElements, zip } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { axisNames, type FactorRole, shardingRule } from "../kit/sharding.js";

/** `batch_norm_grad` of the cotangent `g` where the output `out` of the rectifier is positive. */
export const batchNormReluGrad = defineOp({
  name: "batch_norm_relu_grad",
  summary:
    "The gradients of `batch_norm_relu` for x, scale and bias, from the cotangent `g` of its output `out`.",
  reason: "A library masks while it sums.",
  surface: "internal",
  inputs: {
    g: "float",
    out: "float",
    x: "float",
    scale: "float",
    mean: "float",
    variance: "float",
  },
  attrs: { eps: attr.float(1e-5) },

  infer({ g, x, scale, mean, variance }) {
    const refused = channelsMatch("batch_norm_relu_grad", x, { scale, mean, variance });
    if (refused !== null) return refused;
    const perChannel = tensorType(x.dtype, scale.shape);
    return [g, perChannel, perChannel];
  },

  sharding({ x }) {
    const names = axisNames(x);
    const whole = names.filter((name) => name !== "d1");
    return shardingRule(
      [names, names, names, ["d1"], ["d1"], ["d1"]],
      [names, ["d1"], ["d1"]],
      Object.fromEntries(whole.map((name): [string, FactorRole] => [name, "replicate"])),
    );
  },

  vjp: null,
  flops: ({ x }) => 9 * numelOf(x),

  coarse: "BatchNormReluGrad",
  body: (b, { g, out, x, scale, mean, variance, eps }) =>
    b.emitAll("batch_norm_grad", [b.reluGrad(g, out), x, scale, mean, variance], { eps }),
  formulations: [],

  reference({ g, out, x, scale, mean, variance, eps }) {
    const rank = x.shape.length;
    const count = x.data.length / scale.data.length;
    const times = (a: typeof g, b: typeof g): typeof g => zip(a, b, (u, v) => u * v);
    const masked = zip(g, out, (value, y) => (y > 0 ? value : 0));
    const inverse = mapElements(variance, (value) => 1 / Math.sqrt(value + eps));
    const xhat = times(
      zip(x, lift(mean, rank), (u, v) => u - v),
      lift(inverse, rank),
    );
    const dbias = channelSums(masked);
    const dscale = channelSums(times(masked, xhat));
    const pull = zip(times(xhat, lift(dscale, rank)), lift(dbias, rank), (u, v) => (u + v) / count);
    const dx = times(
      zip(masked, pull, (u, v) => u - v),
      lift(times(scale, inverse), rank),
    );
    return [dx, dscale, dbias];
  },

  samples: [
    {
      why: "images",
      g: sampleArray([2, 2, 3, 2], 1),
      out: sampleArray([2, 2, 3, 2], 2),
      x: sampleArray([2, 2, 3, 2]),
      scale: [1.5, -0.5],
      mean: [0.2, -0.1],
      variance: [1.1, 1.3],
    },
    {
      why: "vectors, a larger eps",
      g: sampleArray([4, 2], 1),
      out: sampleArray([4, 2], 2),
      x: sampleArray([4, 2]),
      scale: [1, 2],
      mean: [0.1, -0.2],
      variance: [1.5, 1.2],
      eps: 0.1,
    },
  ],
});
