/** The vocabulary in which graphs, gradient rules and rewrites are written. */

import type { Span } from "../../grammar/source.js";
import type { Attrs, Graph, NamedValue, Node, Value } from "./graph.js";
import type { Dim } from "./dim.js";
import type { DType, TensorType } from "./type.js";

/** Where new nodes come from. */
export interface Origin {
  readonly span: Span | null;
  readonly scope: string;
}

/** A graph under construction. It never rejects: callers have checked, so a refusal is our bug. */
export interface GraphBuilder {
  /** Everything emitted so far, in order. */
  readonly nodes: readonly Node[];
  readonly inputs: readonly NamedValue[];
  input(name: string, type: TensorType): Value;
  /** Nodes emitted by `body` carry `origin`. */
  within<T>(origin: Origin, body: () => T): T;
  /** One-output ops; attributes may be incomplete and unnormalized. */
  emit(op: string, inputs: readonly Value[], attrs?: Attrs): Value;
  emitAll(op: string, inputs: readonly Value[], attrs?: Attrs): readonly Value[];
  /** A node of another graph on inputs of the same types: nothing is inferred again. */
  copy(node: Node, inputs: readonly Value[]): readonly Value[];
  finish(name: string, outputs: readonly NamedValue[]): Graph;

  constant(value: number, dtype?: DType, shape?: readonly Dim[]): Value;
  add(a: Value, b: Value): Value;
  sub(a: Value, b: Value): Value;
  mul(a: Value, b: Value): Value;
  div(a: Value, b: Value): Value;
  neg(x: Value): Value;
  /** `x * factor` and `x + term` with a constant of x's dtype. */
  scale(x: Value, factor: number): Value;
  shift(x: Value, term: number): Value;
  matmul(a: Value, b: Value): Value;
  sum(x: Value, attrs: { readonly axes: readonly number[]; readonly keep: boolean }): Value;
  reshape(x: Value, shape: readonly Dim[]): Value;
  transpose(x: Value, order: readonly number[]): Value;
  /** Expands by broadcasting to `shape`. */
  expand(x: Value, shape: readonly Dim[]): Value;
  /** The reverse of broadcasting: sums a cotangent down to `shape`. */
  sumTo(x: Value, shape: readonly Dim[]): Value;

  exp(x: Value): Value;
  log(x: Value): Value;
  square(x: Value): Value;
  sqrt(x: Value): Value;
  rsqrt(x: Value): Value;
  sigmoid(x: Value): Value;
  sin(x: Value): Value;
  cos(x: Value): Value;
  pow(a: Value, b: Value): Value;
  maximum(a: Value, b: Value): Value;
  minimum(a: Value, b: Value): Value;
  less(a: Value, b: Value): Value;
  lessEqual(a: Value, b: Value): Value;
  greater(a: Value, b: Value): Value;
  greaterEqual(a: Value, b: Value): Value;
  equal(a: Value, b: Value): Value;
  where(cond: Value, a: Value, b: Value): Value;
  /** Skipped when `x` has that dtype. */
  cast(x: Value, dtype: DType): Value;
  reluGrad(g: Value, out: Value): Value;
  mean(x: Value, attrs: { readonly axes: readonly number[]; readonly keep: boolean }): Value;
  softmax(x: Value, axis: number): Value;
  oneHot(x: Value, attrs: { readonly depth: number; readonly dtype: DType }): Value;
  /** The part `from .. to` of one axis; skipped when it is the whole axis. */
  slice(
    x: Value,
    attrs: {
      readonly axis: number;
      readonly from: number;
      readonly to: number;
      readonly step?: number;
    },
  ): Value;
  /** Zeros around a tensor; skipped when there are none to add. */
  pad(x: Value, before: readonly number[], after: readonly number[]): Value;
  concat(xs: readonly Value[], axis: number): Value;
  /** Exchanges the last two axes. */
  transposeLast(x: Value): Value;
  /** Adds an axis of extent 1 before `axis`. */
  insertAxis(x: Value, axis: number): Value;
}
