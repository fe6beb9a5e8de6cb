/** Matrix products whose right side is one matrix, with either side transposed: types, bodies, loops. */

import { isRejection, type Rejection, reject } from "../../../grammar/diagnostic.js";
import { contractedDimsDiffer, rankDiffers } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import type { GraphBuilder } from "../../ir/builder.js";
import { type Dim, printDim, sameDim } from "../../ir/dim.js";
import type { Value } from "../../ir/graph.js";
import { numelOf, printType, rankOf, type TensorType, tensorType } from "../../ir/type.js";
import { attr } from "../define.js";
import { generate, type NdArray, valueAt } from "./ndarray.js";

interface Sides {
  readonly transpose_a: boolean;
  readonly transpose_b: boolean;
}
type Product<T> = Sides & { readonly a: T; readonly b: T };

export const gemmAttrs = { transpose_a: attr.bool(false), transpose_b: attr.bool(false) } as const;

/** `[..., M, N]` for `a [..., M, K]`, or `[K, M]` when transposed, and `b [K, N]`, or `[N, K]`. */
export function gemmType(op: string, p: Product<TensorType>): TensorType | Rejection<"a" | "b"> {
  const { a, b } = p;
  const wanted = p.transpose_a ? rankOf(a) === 2 : rankOf(a) >= 2;
  for (const [input, type, fits] of [
    ["a", a, wanted],
    ["b", b, rankOf(b) === 2],
  ] as const) {
    if (fits) continue;
    const actual = printType(type);
    return reject(rankDiffers, { op, input, expected: "two axes", actual }, input);
  }
  const [left, right] = [at(a.shape, p.transpose_a ? 0 : -1), at(b.shape, p.transpose_b ? 1 : 0)];
  if (!sameDim(left, right))
    return reject(contractedDimsDiffer, { left: printDim(left), right: printDim(right) }, "b");
  const columns = at(b.shape, p.transpose_b ? 0 : 1);
  const rows: readonly Dim[] = p.transpose_a ? [at(a.shape, 1)] : a.shape.slice(0, -1);
  return tensorType(a.dtype, [...rows, columns]);
}

/** Twice the rows times the matrix. */
export function gemmFlops(p: Product<TensorType>): number {
  const type = gemmType("gemm", p);
  if (isRejection(type)) return 0;
  return 2 * numelOf(type) * Number(at(p.b.shape, p.transpose_b ? 1 : 0));
}

/** The product in simpler ops. */
export const gemmBody = (build: GraphBuilder, p: Product<Value>): Value =>
  build.matmul(
    p.transpose_a ? build.transposeLast(p.a) : p.a,
    p.transpose_b ? build.transposeLast(p.b) : p.b,
  );

/** The product in plain loops. */
export function gemmReference(p: Product<NdArray>): NdArray {
  const { a, b } = p;
  const inner = at(b.shape, p.transpose_b ? 1 : 0);
  const columns = at(b.shape, p.transpose_b ? 0 : 1);
  const rows = p.transpose_a ? [at(a.shape, 1)] : a.shape.slice(0, -1);
  return generate(a.dtype, [...rows, columns], (index) => {
    const [lead, j] = [index.slice(0, -1), at(index, -1)];
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      const left = valueAt(a, p.transpose_a ? [k, ...lead] : [...lead, k]);
      sum += left * valueAt(b, p.transpose_b ? [j, k] : [k, j]);
    }
    return sum;
  });
}

/** The names of the axes of a, b and the result, for sharding rules. */
export function gemmAxes(p: Product<TensorType>): {
  readonly a: readonly string[];
  readonly b: readonly string[];
  readonly result: readonly string[];
} {
  const rows = (p.transpose_a ? [0] : p.a.shape.slice(0, -1)).map((_, axis) => `i${axis}`);
  return {
    a: p.transpose_a ? ["k", ...rows] : [...rows, "k"],
    b: p.transpose_b ? ["j", "k"] : ["k", "j"],
    result: [...rows, "j"],
  };
}
