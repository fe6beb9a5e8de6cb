/** The gradient of `group_norm`. */

import { reject } from "../../../grammar/diagnostic.js";
import { groupsDoNotDivide } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { divideExactly, printDim, productOf } from "../../ir/dim.js";
import type { Value } from "../../ir/graph.js";
import { numelOf } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { channelsMatch, channelSums, groupedShape, spread } from "../kit/channels.js";
import { boundShape, mapElements, reduceAxes, reshaped, sumOf, zip } from "../kit/ndarray.js";
import { momentsKept } from "../kit/rows.js";
import { sampleArray } from "../kit/sample-array.js";
import { axisNames, type FactorRole, shardingRule } from "../kit/sharding.js";

/** The gradients of `group_norm` for x, scale and bias, from the cotangent `g` of its output. */
export const groupNormGrad = defineOp({
  name: "group_norm_grad",
  summary:
    "The gradients of `group_norm` for x, scale and bias, from the cotangent `g` of its output.",
  reason: "A library computes the three in two passes over memory.",
  surface: "internal",
  inputs: { g: "float", x: "float", scale: "float" },
  attrs: { groups: attr.int(), eps: attr.float(1e-5) },

  infer({ g, x, scale, groups }) {
    const refused = channelsMatch("group_norm_grad", x, { scale });
    if (refused !== null) return refused;
    const channels = at(x.shape, 1);
    if (groups < 1 || divideExactly(channels, groups) === null)
      return reject(
        groupsDoNotDivide,
        { groups, what: "input", channels: printDim(channels) },
        "groups",
      );
    return [g, scale, scale];
  },

  sharding({ x }) {
    const names = axisNames(x);
    return shardingRule(
      [names, names, ["d1"]],
      [names, ["d1"], ["d1"]],
      Object.fromEntries(names.map((name): [string, FactorRole] => [name, "replicate"])),
    );
  },

  vjp: null,
  flops: ({ x }) => 14 * numelOf(x),

  coarse: "GroupNormGrad",
  // With S(g) = sum of g over each channel's places: dscale = sum_n S(g xhat), dbias = sum_n S(g).
  // Of h = g * scale, the group means are those of scale * S(..): dx is affine in g and xhat per channel.
  body(b, { g: cotangent, x, scale, groups, eps }) {
    const { shape } = x.type;
    const grouped = groupedShape(shape, groups);
    const standard = { from: 2, eps };
    const [hat = x, inverse = x] = b.emitAll("standardize", [b.reshape(x, grouped)], standard);
    const [n, c] = [at(shape, 0), at(shape, 1)];
    const perChannel = [n, c, productOf(shape.slice(2))];
    const xhat = b.reshape(hat, perChannel);
    const g = b.reshape(cotangent, perChannel);
    const sums = b.sum(g, { axes: [2], keep: false });
    const products = b.sum(b.mul(g, xhat), { axes: [2], keep: false });
    const perGroup = [n, groups, divideExactly(c, groups) ?? 0];
    const over = (values: Value): Value => b.reshape(b.expand(values, perGroup), [n, c, 1]);
    const meanOf = (values: Value): Value => {
      const total = b.sum(b.reshape(b.mul(values, scale), perGroup), { axes: [2], keep: true });
      return b.scale(b.mul(total, inverse), 1 / Number(productOf(grouped.slice(2))));
    };
    const slope = b.mul(b.reshape(scale, [c, 1]), over(inverse));
    const pull = b.add(b.mul(xhat, over(meanOf(products))), over(meanOf(sums)));
    return [
      b.reshape(b.sub(b.mul(g, slope), pull), shape),
      b.sumTo(products, scale.type.shape),
      b.sumTo(sums, scale.type.shape),
    ];
  },
  formulations: [],

  reference({ g, x, scale, groups, eps }) {
    const grouped = boundShape(groupedShape(x.shape, groups));
    const inGroups = reshaped(x, grouped);
    const { mean, variance } = momentsKept(inGroups, [2]);
    const inverse = mapElements(variance, (value) => 1 / Math.sqrt(value + eps));
    const times = (a: typeof x, b: typeof x): typeof x => zip(a, b, (u, v) => u * v);
    const minus = (a: typeof x, b: typeof x): typeof x => zip(a, b, (u, v) => u - v);
    const average = (a: typeof x): typeof x =>
      reduceAxes(a, { axes: [2], keep: true }, (values) => sumOf(values) / values.length);
    const xhat = times(minus(inGroups, mean), inverse);
    const dxhat = reshaped(times(g, spread(scale, x.shape)), grouped);
    const pull = times(xhat, average(times(dxhat, xhat)));
    const dx = times(inverse, minus(minus(dxhat, average(dxhat)), pull));
    return [reshaped(dx, x.shape), channelSums(times(g, reshaped(xhat, x.shape))), channelSums(g)];
  },

  samples: [
    {
      why: "two groups of two channels",
      g: sampleArray([2, 4, 2, 2], 1),
      x: sampleArray([2, 4, 2, 2]),
      scale: [1, -0.5, 2, 1.5],
      groups: 2,
    },
    {
      why: "a channel each, a larger eps",
      g: sampleArray([2, 3, 4], 1),
      x: sampleArray([2, 3, 4]),
      scale: [1, 2, -1],
      groups: 3,
      eps: 0.1,
    },
    {
      why: "vectors in a single group",
      g: sampleArray([3, 4], 1),
      x: sampleArray([3, 4]),
      scale: [1, 2, -1, 0.5],
      groups: 1,
    },
  ],
});
