/** Group normalization. */

import { reject } from "../../../grammar/diagnostic.js";
import { attributeRange, groupsDoNotDivide } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { divideExactly, printDim } from "../../ir/dim.js";
import { numelOf } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { channelsMatch, groupedShape, lift, spatialAxes } from "../kit/channels.js";
import { mapElements, reshaped, zip } from "../kit/ndarray.js";
import { momentsKept } from "../kit/rows.js";
import { sampleArray } from "../kit/sample-array.js";
import { axisNames, type FactorRole, shardingRule } from "../kit/sharding.js";

/** Zero mean and unit variance over each of `groups` groups of channels (axis 1) of each record, then `* scale + bias` per channel (Wu and He, 2018). */
export const groupNorm = defineOp({
  name: "group_norm",
  summary:
    "Zero mean and unit variance over each of `groups` groups of channels (axis 1) of each record, then `* scale + bias` per channel; one channel per group is instance normalization.",
  reason: "ONNX Runtime normalizes in one kernel, and its gradient has a short form.",
  surface: "public",
  inputs: { x: "float", scale: "float", bias: "float" },
  attrs: { groups: attr.int(), eps: attr.float(1e-5) },

  infer({ x, scale, bias, groups }) {
    const refused = channelsMatch("group_norm", x, { scale, bias });
    if (refused !== null) return refused;
    if (groups < 1) {
      const actual = String(groups);
      return reject(
        attributeRange,
        { attribute: "groups", expected: "at least 1", actual },
        "groups",
      );
    }
    const channels = at(x.shape, 1);
    if (divideExactly(channels, groups) === null)
      return reject(
        groupsDoNotDivide,
        { groups, what: "input", channels: printDim(channels) },
        "groups",
      );
    return x;
  },

  sharding({ x }) {
    const names = axisNames(x);
    return shardingRule(
      [names, ["d1"], ["d1"]],
      [names],
      Object.fromEntries(names.slice(1).map((name): [string, FactorRole] => [name, "replicate"])),
    );
  },

  vjp(b, { x, scale, groups, eps, dy }) {
    const [dx, dscale, dbias] = b.emitAll("group_norm_grad", [dy, x, scale], { groups, eps });
    return { x: dx ?? null, scale: dscale ?? null, bias: dbias ?? null };
  },

  flops: ({ x }) => 8 * numelOf(x),

  coarse: "GroupNorm",
  formulations: [
    {
      name: "instance-normalization",
      onnx(o, { x, scale, bias, groups, eps }) {
        const { dtype, shape } = x.type;
        const flat = o.node("Reshape", [x.name, o.shape(groupedShape(shape, groups))]);
        const all = (value: number): string =>
          o.floats(
            Array.from({ length: groups }, () => value),
            [groups],
            dtype,
          );
        const epsilon = { float: eps };
        const plain = o.node("InstanceNormalization", [flat, all(1), all(0)], { epsilon });
        const lifted = o.shape(shape.slice(1).map((dim, axis) => (axis === 0 ? dim : 1)));
        const [s, t] = [scale, bias].map((p) => o.node("Reshape", [p.name, lifted]));
        const back = o.node("Reshape", [plain, o.shape(shape)]);
        return o.node("Add", [o.node("Mul", [back, s ?? ""]), t ?? ""]);
      },
    },
  ],

  reference({ x, scale, bias, groups, eps }) {
    const rank = x.shape.length;
    const [n, c] = [at(x.shape, 0), at(x.shape, 1)];
    const grouped = reshaped(x, [n, groups, x.data.length / n / groups]);
    const { mean, variance } = momentsKept(grouped, [2]);
    const inverse = mapElements(variance, (value) => 1 / Math.sqrt(value + eps));
    const plain = zip(
      zip(grouped, mean, (a, b) => a - b),
      inverse,
      (a, b) => a * b,
    );
    const lifted = (values: typeof x): typeof x =>
      reshaped(lift(values, rank), [
        c,
        ...spatialAxes(rank)
          .slice(1)
          .map(() => 1),
      ]);
    return zip(
      zip(reshaped(plain, x.shape), lifted(scale), (a, b) => a * b),
      lifted(bias),
      (a, b) => a + b,
    );
  },

  samples: [
    {
      why: "two groups of two channels",
      x: sampleArray([2, 4, 2, 2]),
      scale: [1, -0.5, 2, 1.5],
      bias: [0, 1, -1, 0.5],
      groups: 2,
    },
    {
      why: "a channel each, a larger eps",
      x: sampleArray([2, 3, 4]),
      scale: [1, 2, -1],
      bias: [0.5, 0, 1],
      groups: 3,
      eps: 0.1,
    },
    {
      why: "vectors in a single group",
      x: sampleArray([3, 4]),
      scale: [1, 2, -1, 0.5],
      bias: [0, 0, 1, 2],
      groups: 1,
    },
  ],
});
