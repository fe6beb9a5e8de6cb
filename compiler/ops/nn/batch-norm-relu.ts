/** Batch normalization with a rectifier after it. */

import { numelOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { channelsMatch, momentsOf, normalized, spatialAxes } from "../kit/channels.js";
import { mapElements } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { axisNames, type FactorRole, shardingRule } from "../kit/sharding.js";

/** `relu(batch_norm(x))`, and the mean and variance of `batch_norm`. */
export const batchNormRelu = defineOp({
  name: "batch_norm_relu",
  summary: "`relu` of the result of `batch_norm`, and the mean and variance of the batch.",
  reason: "A library saves a pass over the activations.",
  surface: "internal",
  inputs: { x: "float", scale: "float", bias: "float" },
  attrs: { eps: attr.float(1e-5) },

  infer({ x, scale, bias }) {
    const refused = channelsMatch("batch_norm_relu", x, { scale, bias });
    if (refused !== null) return refused;
    const statistics = tensorType(x.dtype, scale.shape);
    return [x, statistics, statistics];
  },

  sharding({ x }) {
    const names = axisNames(x);
    const whole = names.filter((name) => name !== "d1");
    return shardingRule(
      [names, ["d1"], ["d1"]],
      [names, ["d1"], ["d1"]],
      Object.fromEntries(whole.map((name): [string, FactorRole] => [name, "replicate"])),
    );
  },

  vjp: null,
  flops: ({ x }) => 7 * numelOf(x),

  coarse: "BatchNormRelu",
  body(b, { x, scale, bias, eps }) {
    const [y, mean, variance] = b.emitAll("batch_norm", [x, scale, bias], { eps });
    return [b.emit("relu", [y ?? x]), mean ?? scale, variance ?? scale];
  },
  formulations: [],

  reference({ x, scale, bias, eps }) {
    const { mean, variance } = momentsOf(x, spatialAxes(x.shape.length));
    const y = normalized(x, { scale, bias, mean, variance, eps });
    return [mapElements(y, (value) => Math.max(value, 0)), mean, variance];
  },

  samples: [
    { why: "images", x: sampleArray([2, 2, 3, 2]), scale: [1.5, -0.5], bias: [0.1, 2] },
    {
      why: "vectors, a larger eps",
      x: sampleArray([4, 3]),
      scale: [1, 2, 0.5],
      bias: [0, -1, 1],
      eps: 0.1,
    },
  ],
});
