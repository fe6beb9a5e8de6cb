/** The gradient of `layer_norm`. */

import { numelOf, rankOf } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { mapElements, reduceAxes, sumOf, zip } from "../kit/ndarray.js";
import { momentsKept, parametersMatch, trailingAxes } from "../kit/rows.js";
import { sampleArray } from "../kit/sample-array.js";
import { axisNames, type FactorRole, shardingRule } from "../kit/sharding.js";
import { standardizedCotangent } from "./standardize.js";

/** The gradients of `layer_norm` for x, scale and bias, from the cotangent `g` of its output. */
export const layerNormGrad = defineOp({
  name: "layer_norm_grad",
  summary:
    "The gradients of `layer_norm` for x, scale and bias, from the cotangent `g` of its output.",
  reason: "A library computes the three in two passes over memory.",
  surface: "internal",
  inputs: { g: "float", x: "float", scale: "float" },
  attrs: { eps: attr.float(1e-5) },

  infer: ({ g, x, scale }) => parametersMatch("layer_norm_grad", x, { scale }) ?? [g, scale, scale],

  sharding({ x, scale }) {
    const names = axisNames(x);
    const own = names.slice(-rankOf(scale));
    return shardingRule(
      [names, names, own],
      [names, own, own],
      Object.fromEntries(names.map((name): [string, FactorRole] => [name, "replicate"])),
    );
  },

  vjp: null,

  // Per element: the standardized x, four products, two means and two sums.
  flops: ({ x }) => 16 * numelOf(x),

  coarse: "LayerNormGrad",
  // dscale = sum(g * xhat), dbias = sum(g), dx that of the standardized x under g * scale.
  body(b, { g, x, scale, eps }) {
    const from = rankOf(x.type) - rankOf(scale.type);
    const [xhat = x, inverse = x] = b.emitAll("standardize", [x], { from, eps });
    const axes = trailingAxes(rankOf(x.type), from);
    return [
      standardizedCotangent(b, { dxhat: b.mul(g, scale), xhat, inverse, axes }),
      b.sumTo(b.mul(g, xhat), scale.type.shape),
      b.sumTo(g, scale.type.shape),
    ];
  },
  formulations: [],

  reference({ g, x, scale, eps }) {
    const from = x.shape.length - scale.shape.length;
    const axes = trailingAxes(x.shape.length, from);
    const { mean, variance } = momentsKept(x, axes);
    const inverse = mapElements(variance, (value) => 1 / Math.sqrt(value + eps));
    const times = (a: typeof x, b: typeof x): typeof x => zip(a, b, (u, v) => u * v);
    const minus = (a: typeof x, b: typeof x): typeof x => zip(a, b, (u, v) => u - v);
    const average = (a: typeof x): typeof x =>
      reduceAxes(a, { axes, keep: true }, (values) => sumOf(values) / values.length);
    const total = (a: typeof x): typeof x =>
      reduceAxes(a, { axes: trailingAxes(from, 0), keep: false }, sumOf);
    const xhat = times(minus(x, mean), inverse);
    const dxhat = times(g, scale);
    const along = times(xhat, average(times(dxhat, xhat)));
    return [
      times(inverse, minus(minus(dxhat, average(dxhat)), along)),
      total(times(g, xhat)),
      total(g),
    ];
  },

  samples: [
    {
      why: "the last axis",
      g: sampleArray([3, 4], 1),
      x: sampleArray([3, 4]),
      scale: [1, -0.5, 2, 1.5],
    },
    {
      why: "the last two of three axes, a larger eps",
      g: sampleArray([2, 2, 3], 2),
      x: sampleArray([2, 2, 3]),
      scale: sampleArray([2, 3], 1),
      eps: 0.1,
    },
    {
      why: "one record",
      g: sampleArray([4], 2),
      x: sampleArray([4]),
      scale: sampleArray([4], 1),
    },
  ],
});
