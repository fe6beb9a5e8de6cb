/** The gradient of attention. */

import { isRejection } from "../../../grammar/diagnostic.js";
import { at } from "../../../grammar/invariant.js";
import { attr, defineOp } from "../define.js";
import { attentionCotangents, attentionFlops, attentionTypes } from "../kit/attention.js";
import { generate, sumOf, valueAt } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { type FactorRole, shardingRule } from "../kit/sharding.js";

/**
 * The gradients of `scaled_dot_product` for q, k, v and for what is added to the scores, from the
 * cotangent `g` of its result `out`; `weights` is the softmax.
 */
export const scaledDotProductGrad = defineOp({
  name: "scaled_dot_product_grad",
  summary:
    "The gradients of `scaled_dot_product` for q, k, v and the scores, from the cotangent `g` of its result.",
  reason: "A library computes the four without passing over the scores in memory.",
  surface: "internal",
  inputs: { g: "float", q: "float", k: "float", v: "float", out: "float", weights: "float" },
  attrs: { scale: attr.float() },

  infer({ q, k, v, weights }) {
    const types = attentionTypes("scaled_dot_product_grad", { q, k, v });
    return isRejection(types) ? types : [q, k, v, weights];
  },

  sharding({ q }) {
    const lead = q.shape.slice(0, -2).map((_, axis) => `d${axis}`);
    const [query, key, value] = [
      [...lead, "t", "d"],
      [...lead, "s", "d"],
      [...lead, "s", "e"],
    ];
    const result = [...lead, "t", "e"];
    const scores = [...lead, "t", "s"];
    return shardingRule(
      [result, query, key, value, result, scores],
      [query, key, value, scores],
      Object.fromEntries(
        ["t", "s", "d", "e"].map((name): [string, FactorRole] => [name, "replicate"]),
      ),
    );
  },

  vjp: null,
  flops: ({ q, k, v }) => 2 * attentionFlops({ q, k, v }),

  coarse: "AttentionGrad",
  body(b, { g, q, k, v, out, weights, scale }) {
    const found = attentionCotangents(b, { q, k, v, scale, ys: [out, weights], dys: [g, null] });
    return [found.q, found.k, found.v ?? v, found.scores];
  },
  formulations: [],

  reference({ g, q, k, v, out, weights, scale }) {
    const count = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);
    const [keys, queries, inner] = [at(k.shape, -2), at(q.shape, -2), at(v.shape, -1)];
    const scores = generate(q.dtype, weights.shape, (index) => {
      const [lead, t, s] = [index.slice(0, -2), at(index, -2), at(index, -1)];
      const along = (x: typeof g, row: number): number =>
        sumOf(count(inner).map((e) => valueAt(g, [...lead, t, e]) * valueAt(x, [...lead, row, e])));
      return valueAt(weights, index) * (along(v, s) - along(out, t));
    });
    const summed = (
      like: typeof q,
      over: number,
      term: (lead: readonly number[], row: number, column: number, i: number) => number,
    ): typeof q =>
      generate(q.dtype, like.shape, (index) =>
        sumOf(count(over).map((i) => term(index.slice(0, -2), at(index, -2), at(index, -1), i))),
      );
    return [
      summed(
        q,
        keys,
        (lead, t, d, s) => scale * valueAt(scores, [...lead, t, s]) * valueAt(k, [...lead, s, d]),
      ),
      summed(
        k,
        queries,
        (lead, s, d, t) => scale * valueAt(scores, [...lead, t, s]) * valueAt(q, [...lead, t, d]),
      ),
      summed(
        v,
        queries,
        (lead, s, e, t) => valueAt(weights, [...lead, t, s]) * valueAt(g, [...lead, t, e]),
      ),
      scores,
    ];
  },

  samples: [
    {
      why: "heads of a batch",
      g: sampleArray([2, 2, 3, 3], 4),
      q: sampleArray([2, 2, 3, 2]),
      k: sampleArray([2, 2, 4, 2], 1),
      v: sampleArray([2, 2, 4, 3], 2),
      out: sampleArray([2, 2, 3, 3], 5),
      weights: sampleArray([2, 2, 3, 4], 6),
      scale: 0.7,
    },
    {
      why: "matrices",
      g: sampleArray([3, 2], 4),
      q: sampleArray([3, 2]),
      k: sampleArray([3, 2], 1),
      v: sampleArray([3, 2], 2),
      out: sampleArray([3, 2], 5),
      weights: sampleArray([3, 3], 6),
      scale: 0.5,
    },
  ],
});
