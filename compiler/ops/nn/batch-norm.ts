/** Batch normalization with the statistics of the batch. */

import { at } from "../../../grammar/invariant.js";
import { numelOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { channelsMatch, momentsOf, normalized, spatialAxes } from "../kit/channels.js";
import { boundShape, countOf } from "../kit/ndarray.js";
import type { OnnxBuilder, OnnxOperand } from "../kit/onnx-builder.js";
import { axisNames, shardingRule } from "../kit/sharding.js";
import { boundDim } from "../kit/window.js";

/** Normalizes each channel (axis 1) by its mean and biased variance over the batch, which it returns too. */
export const batchNorm = defineOp({
  name: "batch_norm",
  summary:
    "Normalizes each channel (axis 1) by its mean and biased variance over the batch, which it returns too.",
  reason: "ONNX Runtime computes result, mean and variance in one kernel.",
  surface: "public",
  inputs: { x: "float", scale: "float", bias: "float" },
  attrs: { eps: attr.float(1e-5) },

  infer({ x, scale, bias }) {
    const refused = channelsMatch("batch_norm", x, { scale, bias });
    if (refused !== null) return refused;
    const statistics = tensorType(x.dtype, scale.shape);
    return [x, statistics, statistics];
  },

  // The statistics are of the whole batch.
  sharding({ x }) {
    const names = axisNames(x);
    const whole = names.filter((name) => name !== "d1");
    return shardingRule(
      [names, ["d1"], ["d1"]],
      [names, ["d1"], ["d1"]],
      Object.fromEntries(whole.map((name) => [name, "replicate" as const])),
    );
  },

  // See batch_norm_grad; with n elements a channel, mean adds dmean / n and variance 2 (x - mean) dvar / n.
  vjp(b, { x, scale, eps, ys, dy, dys }) {
    const [mean, variance] = [at(ys, 1), at(ys, 2)];
    const [dx, dscale, dbias] = b.emitAll("batch_norm_grad", [dy, x, scale, mean, variance], {
      eps,
    });
    const count = countOf(boundShape(x.type.shape)) / boundDim(at(x.type.shape, 1));
    const lifted = x.type.shape.map((dim, axis) => (axis === 1 ? dim : 1));
    let total = dx ?? null;
    const [, dmean, dvariance] = dys;
    if (total !== null && dmean) total = b.add(total, b.reshape(b.scale(dmean, 1 / count), lifted));
    if (total !== null && dvariance) {
      const slope = b.reshape(b.scale(dvariance, 2 / count), lifted);
      total = b.add(total, b.mul(slope, b.sub(x, b.reshape(mean, lifted))));
    }
    return { x: total, scale: dscale ?? null, bias: dbias ?? null };
  },

  // Per element: two sums, a subtraction, a product and a sum.
  flops: ({ x }) => 6 * numelOf(x),

  coarse: "BatchNorm",
  formulations: [
    {
      name: "kernel",
      onnx(o, { x, scale, bias, eps }) {
        const [mean, variance] = scratch(o, x);
        // With momentum 0 the running statistics that come out are the batch's own.
        return o.nodes(
          "BatchNormalization",
          [x.name, scale.name, bias.name, mean, variance],
          { training_mode: 1, momentum: { float: 0 }, epsilon: { float: eps } },
          3,
        );
      },
    },
  ],

  reference({ x, scale, bias, eps }) {
    const { mean, variance } = momentsOf(x, spatialAxes(x.shape.length));
    return [normalized(x, { scale, bias, mean, variance, eps }), mean, variance];
  },

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
        [
          [
            [2, 0],
            [1, 1],
          ],
          [
            [3, 1],
            [-2, 1],
          ],
        ],
      ],
      scale: [1.5, -0.5],
      bias: [0.1, 2],
    },
    {
      why: "vectors, a larger eps",
      x: [
        [1, 2, 0.5],
        [3, -1, 2],
        [0, 4, 1],
        [2, 2, -3],
      ],
      scale: [1, 2, 0.5],
      bias: [0, -1, 1],
      eps: 0.1,
    },
  ],
});

/**
 * Two tensors to stand in for running statistics. ONNX Runtime writes the new statistics over them in
 * place, whoever else may read them: constants, which are shared, would mix up means and variances
 * of all normalizations. Made from `x`, they can be shared only where the statistics are the same.
 */
function scratch(o: OnnxBuilder, x: OnnxOperand): readonly [string, string] {
  const axes = spatialAxes(x.type.shape.length);
  const [starts, ends] = [o.ints(axes.map(() => 0)), o.ints(axes.map(() => 1))];
  const corner = o.node("Slice", [x.name, starts, ends, o.ints(axes)]);
  const values = o.node("Reshape", [corner, o.shape(x.type.shape.slice(1, 2))]);
  return [values, o.node("Neg", [values])];
}
