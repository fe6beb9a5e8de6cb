/** Dense arrays in f64: what reference implementations compute on. Integers and bools are numbers. */

import { at, invariant } from "../../../grammar/invariant.js";
import type { Dim } from "../../ir/dim.js";
import { type DType, isNumeric } from "../../ir/type.js";

export interface NdArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** Numbers nested in lists, as samples are written. */
export type NestedNumbers = number | readonly NestedNumbers[];

/** Wraps data in row-major order; the count must fit the shape. */
export function ndarray(
  dtype: DType,
  shape: readonly number[],
  data: Float64Array | readonly number[],
): NdArray {
  invariant(
    data.length === countOf(shape),
    `${data.length} values do not fill [${shape.join(", ")}]`,
  );
  return { dtype, shape, data: data instanceof Float64Array ? data : Float64Array.from(data) };
}

/** Reads nested lists; all lists of one depth must have one length. */
export function fromNested(nested: NestedNumbers, dtype: DType): NdArray {
  const shape: number[] = [];
  for (let level: NestedNumbers | undefined = nested; typeof level === "object"; level = level[0])
    shape.push(level.length);
  const flat = (level: NestedNumbers): readonly number[] =>
    typeof level === "number" ? [level] : level.flatMap(flat);
  return ndarray(dtype, shape, flat(nested));
}

export const countOf = (shape: readonly number[]): number => shape.reduce((n, dim) => n * dim, 1);

/** Row-major strides, in elements. */
export function stridesOf(shape: readonly number[]): readonly number[] {
  const strides: number[] = [];
  let step = 1;
  for (const dim of shape.toReversed()) {
    strides.unshift(step);
    step *= dim;
  }
  return strides;
}

/** The dims of a bound shape attribute. */
export function boundShape(shape: readonly Dim[]): readonly number[] {
  invariant(isNumeric(shape), "reference implementations run on bound shapes");
  return shape;
}

/** An array whose elements are computed from their indices. */
export function generate(
  dtype: DType,
  shape: readonly number[],
  valueOf: (index: readonly number[]) => number,
): NdArray {
  const data = new Float64Array(countOf(shape));
  const index = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    data[i] = valueOf(index);
    advance(index, shape);
  }
  return { dtype, shape, data };
}

function advance(index: number[], shape: readonly number[]): void {
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const next = at(index, axis) + 1;
    index[axis] = next < at(shape, axis) ? next : 0;
    if (next < at(shape, axis)) return;
  }
}

/** The element at `index`. */
export function valueAt(x: NdArray, index: readonly number[]): number {
  let offset = 0;
  for (let axis = 0; axis < x.shape.length; axis++)
    offset = offset * at(x.shape, axis) + at(index, axis);
  return x.data[offset] ?? NaN;
}

export const mapElements = (
  x: NdArray,
  apply: (value: number) => number,
  dtype: DType = x.dtype,
): NdArray => ({ dtype, shape: x.shape, data: x.data.map(apply) });

/** Applies a function to pairs of elements, after broadcasting. */
export function zip(
  a: NdArray,
  b: NdArray,
  apply: (a: number, b: number) => number,
  dtype: DType = a.dtype,
): NdArray {
  const shape = broadcastExtents(a.shape, b.shape);
  const [left, right] = [broadcastTo(a, shape), broadcastTo(b, shape)];
  return { dtype, shape, data: left.data.map((value, i) => apply(value, right.data[i] ?? NaN)) };
}

function broadcastExtents(a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[i - rank + a.length] ?? 1;
    const right = b[i - rank + b.length] ?? 1;
    invariant(left === right || left === 1 || right === 1, "reference shapes do not broadcast");
    return left === 1 ? right : left;
  });
}

/** Repeats axes of extent 1 and adds leading axes. */
export function broadcastTo(x: NdArray, shape: readonly number[]): NdArray {
  const lead = shape.length - x.shape.length;
  return generate(x.dtype, shape, (index) =>
    valueAt(
      x,
      x.shape.map((dim, axis) => (dim === 1 ? 0 : at(index, axis + lead))),
    ),
  );
}

export const reshaped = (x: NdArray, shape: readonly number[]): NdArray =>
  ndarray(x.dtype, shape, x.data);

/** `order[i]` is the input axis that becomes axis `i`. */
export function transposed(x: NdArray, order: readonly number[]): NdArray {
  const shape = order.map((axis) => at(x.shape, axis));
  return generate(x.dtype, shape, (index) => {
    const source = x.shape.map(() => 0);
    for (const [i, axis] of order.entries()) source[axis] = at(index, i);
    return valueAt(x, source);
  });
}

/** Applies a function from lane to lane along one axis; every lane keeps its length. */
export function mapLanes(
  x: NdArray,
  axis: number,
  apply: (lane: readonly number[]) => readonly number[],
): NdArray {
  const stride = at(stridesOf(x.shape), axis);
  const extent = at(x.shape, axis);
  const data = new Float64Array(x.data.length);
  for (let start = 0; start < data.length; start++) {
    if (Math.floor(start / stride) % extent !== 0) continue;
    const lane = Array.from({ length: extent }, (_, i) => x.data[start + i * stride] ?? NaN);
    for (const [i, value] of apply(lane).entries()) data[start + i * stride] = value;
  }
  return { dtype: x.dtype, shape: x.shape, data };
}

/** Reduces the elements of each cell along `axes` to one number. */
export function reduceAxes(
  x: NdArray,
  { axes, keep }: { readonly axes: readonly number[]; readonly keep: boolean },
  apply: (values: readonly number[]) => number,
  dtype: DType = x.dtype,
): NdArray {
  const kept = x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  const cells: number[][] = Array.from({ length: countOf(kept) }, () => []);
  const strides = stridesOf(kept);
  const index = x.shape.map(() => 0);
  for (const value of x.data) {
    let cell = 0;
    for (const [axis, i] of index.entries())
      if (!axes.includes(axis)) cell += i * at(strides, axis);
    at(cells, cell).push(value);
    advance(index, x.shape);
  }
  const shape = keep ? kept : x.shape.filter((_, axis) => !axes.includes(axis));
  return ndarray(dtype, shape, cells.map(apply));
}

export const sumOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0);

/** The part `from .. to` of one axis, every `step`-th element. */
export function sliced(
  x: NdArray,
  axis: number,
  { from, to, step }: { readonly from: number; readonly to: number; readonly step: number },
): NdArray {
  const shape = x.shape.with(axis, Math.ceil((to - from) / step));
  return generate(x.dtype, shape, (index) =>
    valueAt(x, index.with(axis, from + at(index, axis) * step)),
  );
}

/** Joins arrays along one axis. */
export function concatenated(xs: readonly NdArray[], axis: number): NdArray {
  const first = at(xs, 0);
  const owners = xs.flatMap((x) =>
    Array.from({ length: at(x.shape, axis) }, (_, offset) => ({ x, offset })),
  );
  return generate(first.dtype, first.shape.with(axis, owners.length), (index) => {
    const { x, offset } = at(owners, at(index, axis));
    return valueAt(x, index.with(axis, offset));
  });
}
