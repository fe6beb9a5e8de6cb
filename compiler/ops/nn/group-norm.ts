/** Group normalization. */

import { reject } from "../../../grammar/diagnostic.js";
import { attributeRange, groupsDoNotDivide } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { type Dim, divideExactly, multiplyDims, printDim, productOf } from "../../ir/dim.js";
import { numelOf } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { channelsMatch, lift, spatialAxes } from "../kit/channels.js";
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

  // With S(g) = sum of g over each channel's places: dscale = sum_n S(dy xhat), dbias = sum_n S(dy).
  // Of h = dy * scale, the group means are those of scale * S(..): dx is affine in dy and xhat per channel.
  vjp(b, { x, scale, bias, groups, eps, dy }) {
    const { shape } = x.type;
    const grouped = groupedShape(shape, groups);
    const [hat, inverse] = b.emitAll("standardize", [b.reshape(x, grouped)], { from: 2, eps });
    if (hat === undefined || inverse === undefined) return { x: null, scale: null, bias: null };
    const [n, c] = [at(shape, 0), at(shape, 1)];
    const places = productOf(shape.slice(2));
    const perChannel = [n, c, places];
    const xhat = b.reshape(hat, perChannel);
    const g = b.reshape(dy, perChannel);
    const sums = b.sum(g, { axes: [2], keep: false });
    const products = b.sum(b.mul(g, xhat), { axes: [2], keep: false });
    const perGroup = [n, groups, divideExactly(c, groups) ?? 0];
    const spread = (values: typeof x): typeof x => b.reshape(b.expand(values, perGroup), [n, c, 1]);
    const meanOf = (values: typeof x): typeof x => {
      const total = b.sum(b.reshape(b.mul(values, scale), perGroup), { axes: [2], keep: true });
      return b.scale(b.mul(total, inverse), 1 / Number(productOf(grouped.slice(2))));
    };
    const slope = b.mul(b.reshape(scale, [c, 1]), spread(inverse));
    const pull = b.add(b.mul(xhat, spread(meanOf(products))), spread(meanOf(sums)));
    return {
      x: b.reshape(b.sub(b.mul(g, slope), pull), shape),
      scale: b.sumTo(products, scale.type.shape),
      bias: b.sumTo(sums, bias.type.shape),
    };
  },

  flops: ({ x }) => 8 * numelOf(x),

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

/** `[N, groups, elements of a group]`. */
const groupedShape = (shape: readonly Dim[], groups: number): readonly Dim[] => [
  at(shape, 0),
  groups,
  multiplyDims(divideExactly(at(shape, 1), groups) ?? 0, productOf(shape.slice(2))),
];
