/** Attention over keys: what its forms with and without a bias share. */

import { type Rejection, reject } from "../../../grammar/diagnostic.js";
import {
  contractedDimsDiffer,
  dimsDiffer,
  rankDiffers,
} from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import type { GraphBuilder } from "../../ir/builder.js";
import { printDim, productOf, sameDim } from "../../ir/dim.js";
import type { Value } from "../../ir/graph.js";
import { type TensorType, numelOf, printType, rankOf, tensorType } from "../../ir/type.js";
import { type NdArray, generate, mapLanes, sumOf, valueAt, zip } from "./ndarray.js";
import type { OnnxBuilder, OnnxOperand } from "./onnx-builder.js";

interface Triple<T> {
  readonly q: T;
  readonly k: T;
  readonly v: T;
}

/** `[..., T, E]` and `[..., T, S]` for `q [..., T, D]`, `k [..., S, D]` and `v [..., S, E]`, or a refusal. */
export function attentionTypes(
  op: string,
  { q, k, v }: Triple<TensorType>,
): readonly [TensorType, TensorType] | Rejection<"q" | "k" | "v"> {
  if (rankOf(q) < 2) {
    const expected = "at least two axes";
    return reject(rankDiffers, { op, input: "q", expected, actual: printType(q) }, "q");
  }
  for (const [input, type] of [
    ["k", k],
    ["v", v],
  ] as const) {
    const expected = `${rankOf(q)} axes`;
    if (rankOf(type) !== rankOf(q))
      return reject(rankDiffers, { op, input, expected, actual: printType(type) }, input);
    for (let axis = 0; axis < rankOf(q) - 2; axis++) {
      const [left, right] = [at(q.shape, axis), at(type.shape, axis)];
      if (!sameDim(left, right))
        return reject(
          dimsDiffer,
          { what: `axis ${axis} of q and ${input}`, left: printDim(left), right: printDim(right) },
          input,
        );
    }
  }
  const [left, right] = [at(q.shape, -1), at(k.shape, -1)];
  if (!sameDim(left, right))
    return reject(contractedDimsDiffer, { left: printDim(left), right: printDim(right) }, "k");
  const [keys, values] = [at(k.shape, -2), at(v.shape, -2)];
  if (!sameDim(keys, values))
    return reject(
      dimsDiffer,
      { what: "the keys of k and v", left: printDim(keys), right: printDim(values) },
      "v",
    );
  const rows = q.shape.slice(0, -1);
  return [tensorType(q.dtype, [...rows, at(v.shape, -1)]), tensorType(q.dtype, [...rows, keys])];
}

/** Two products and a softmax. */
export function attentionFlops({ q, k, v }: Triple<TensorType>): number {
  const scores = tensorType(q.dtype, [...q.shape.slice(0, -1), at(k.shape, -2)]);
  return (
    numelOf(scores) * (2 * Number(productOf([at(q.shape, -1)])) + 2 * Number(at(v.shape, -1)) + 5)
  );
}

/** `softmax(scale q kT + bias) v`, and the softmax. */
export function attentionOnnx(
  o: OnnxBuilder,
  p: Triple<OnnxOperand> & { readonly scale: number; readonly bias: string | null },
): readonly [string, string] {
  const rank = rankOf(p.k.type);
  const lead = Array.from({ length: rank - 2 }, (_, axis) => axis);
  const q = o.node("Mul", [p.q.name, o.floats([p.scale], [], p.q.type.dtype)]);
  const k = o.node("Transpose", [p.k.name], { perm: [...lead, rank - 1, rank - 2] });
  const scores = o.node("MatMul", [q, k]);
  const biased = p.bias === null ? scores : o.node("Add", [scores, p.bias]);
  const weights = o.node("Softmax", [biased], { axis: -1 });
  return [o.node("MatMul", [weights, p.v.name]), weights];
}

/** The same in plain loops. */
export function attentionReference(
  { q, k, v, scale }: Triple<NdArray> & { readonly scale: number },
  bias: NdArray,
): readonly [NdArray, NdArray] {
  const rows = q.shape.slice(0, -1);
  const [keys, inner] = [at(k.shape, -2), at(q.shape, -1)];
  const count = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);
  const scores = generate(q.dtype, [...rows, keys], (index) => {
    const [row, lead] = [index.slice(0, -1), index.slice(0, -2)];
    const products = count(inner).map(
      (d) => valueAt(q, [...row, d]) * valueAt(k, [...lead, at(index, -1), d]),
    );
    return scale * sumOf(products);
  });
  const biased = zip(scores, bias, (a, b) => a + b);
  const weights = mapLanes(biased, biased.shape.length - 1, (lane) => {
    const max = Math.max(...lane);
    const exps = lane.map((value) => Math.exp(value - max));
    const total = sumOf(exps);
    return exps.map((value) => value / total);
  });
  const result = generate(q.dtype, [...rows, at(v.shape, -1)], (index) => {
    const [row, lead] = [index.slice(0, -1), index.slice(0, -2)];
    return sumOf(
      count(keys).map(
        (s) => valueAt(weights, [...row, s]) * valueAt(v, [...lead, s, at(index, -1)]),
      ),
    );
  });
  return [result, weights];
}

/**
 * The cotangents of q, k, v and of the scores. With P the weights and O the result:
 * dV = PT dO, dP = dO VT, D = rowsum(dO * O), dS = P * (dP - D), dQ = scale dS K, dK = scale dST Q.
 * A cotangent of the weights themselves joins dP, and D is then rowsum(dP * P).
 */
export function attentionCotangents(
  b: GraphBuilder,
  p: Triple<Value> & {
    readonly scale: number;
    readonly ys: readonly Value[];
    readonly dys: readonly (Value | null)[];
  },
): { readonly q: Value; readonly k: Value; readonly v: Value | null; readonly scores: Value } {
  const [result, weights] = [at(p.ys, 0), at(p.ys, 1)];
  const [dresult, dweights] = [p.dys[0] ?? null, p.dys[1] ?? null];
  const through = dresult && b.matmul(dresult, b.transposeLast(p.v));
  const dp = through && dweights ? b.add(through, dweights) : (through ?? dweights ?? weights);
  const last = { axes: [rankOf(weights.type) - 1], keep: true };
  const dot =
    dresult && !dweights ? b.sum(b.mul(dresult, result), last) : b.sum(b.mul(dp, weights), last);
  const scores = b.mul(weights, b.sub(dp, dot));
  return {
    q: b.scale(b.matmul(scores, p.k), p.scale),
    k: b.scale(b.matmul(b.transposeLast(scores), p.q), p.scale),
    v: dresult && b.matmul(b.transposeLast(weights), dresult),
    scores,
  };
}

/** The same as one node where only the result has a cotangent. */
export function attentionGradient(
  b: GraphBuilder,
  p: Parameters<typeof attentionCotangents>[1],
): ReturnType<typeof attentionCotangents> {
  const [g, dweights] = [p.dys[0] ?? null, p.dys[1] ?? null];
  if (g === null || dweights !== null) return attentionCotangents(b, p);
  const inputs = [g, p.q, p.k, p.v, at(p.ys, 0), at(p.ys, 1)];
  const found = b.emitAll("scaled_dot_product_grad", inputs, { scale: p.scale });
  return { q: at(found, 0), k: at(found, 1), v: at(found, 2), scores: at(found, 3) };
}
