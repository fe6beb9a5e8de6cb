/** Zero mean and unit variance. */

import { reject } from "../../../grammar/diagnostic.js";
import { rankDiffers } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import type { GraphBuilder } from "../../ir/builder.js";
import type { Value } from "../../ir/graph.js";
import { numelOf, printType, rankOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { averageOver, momentsKept, onesLike, trailingAxes } from "../kit/rows.js";
import { mapElements, zip } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { axisNames, type FactorRole, shardingRule } from "../kit/sharding.js";

/** `(x - mean) / s` over the axes from `from` on, with `s = sqrt(variance + eps)`; the second result is `1 / s`. */
export const standardize = defineOp({
  name: "standardize",
  summary:
    "`(x - mean) / s` over the axes from `from` on, with `s = sqrt(variance + eps)`; the second result is `1 / s`.",
  reason: "One kernel gives both results that the gradients of all normalizations by record need.",
  surface: "internal",
  inputs: { x: "float" },
  attrs: { from: attr.axis(-1), eps: attr.float(1e-5) },

  infer({ x, from }) {
    if (rankOf(x) === 0) {
      const expected = "at least one axis";
      return reject(
        rankDiffers,
        { op: "standardize", input: "x", expected, actual: printType(x) },
        "x",
      );
    }
    return [
      x,
      tensorType(
        x.dtype,
        x.shape.map((dim, axis) => (axis < from ? dim : 1)),
      ),
    ];
  },

  sharding({ x, from }) {
    const names = axisNames(x);
    return shardingRule(
      [names],
      [names, names.map((name, axis) => (axis < from ? name : null))],
      Object.fromEntries(
        names.slice(from).map((name): [string, FactorRole] => [name, "replicate"]),
      ),
    );
  },

  // dx = inverse * (dy - mean(dy) - y * mean(dy * y)), and inverse^2 y / n less for its own cotangent.
  vjp(b, { x, from, y, ys, dys }) {
    const inverse = at(ys, 1);
    const axes = trailingAxes(rankOf(x.type), from);
    const [dy, dinverse] = dys;
    const parts: Value[] = [];
    if (dy) parts.push(standardizedCotangent(b, { dxhat: dy, xhat: y, inverse, axes }));
    if (dinverse) {
      const slope = b.scale(b.mul(dinverse, b.square(inverse)), -1 / averageOver(x.type, axes));
      parts.push(b.mul(slope, y));
    }
    const [first, second] = parts;
    return { x: first && second ? b.add(first, second) : (first ?? null) };
  },

  flops: ({ x }) => 6 * numelOf(x),

  formulations: [
    {
      name: "layer-normalization",
      onnx(o, { x, from, eps }) {
        const ones = onesLike(o, x, from);
        const [y, , inverse] = o.nodes(
          "LayerNormalization",
          [x.name, ones],
          { axis: from, epsilon: { float: eps } },
          3,
        );
        return [y ?? "", inverse ?? ""];
      },
    },
  ],

  reference({ x, from, eps }) {
    const { mean, variance } = momentsKept(x, trailingAxes(x.shape.length, from));
    const inverse = mapElements(variance, (value) => 1 / Math.sqrt(value + eps));
    const centered = zip(x, mean, (a, b) => a - b);
    return [zip(centered, inverse, (a, b) => a * b), inverse];
  },

  samples: [
    { why: "the last axis by default", x: sampleArray([3, 5]) },
    { why: "two axes, a larger eps", x: sampleArray([2, 3, 2]), from: 1, eps: 0.1 },
    { why: "everything", x: sampleArray([4, 2]), from: 0 },
  ],
});

/** The cotangent of `x` from that of `xhat`: what the normalization takes away from it is taken away again. */
export function standardizedCotangent(
  b: GraphBuilder,
  p: {
    readonly dxhat: Value;
    readonly xhat: Value;
    readonly inverse: Value;
    readonly axes: readonly number[];
  },
): Value {
  const { dxhat, xhat, inverse, axes } = p;
  const kept = { axes, keep: true };
  const centered = b.sub(dxhat, b.mean(dxhat, kept));
  const along = b.mul(xhat, b.mean(b.mul(dxhat, xhat), kept));
  return b.mul(inverse, b.sub(centered, along));
}
