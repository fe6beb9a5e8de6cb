/** The ways to write a convolution's weight gradient in ONNX. */

import { at } from "../../../grammar/invariant.js";
import type { OnnxBuilder, OnnxOperand } from "../kit/onnx-builder.js";
import { boundDim, positionOf, type Window } from "../kit/window.js";

interface Form extends Window {
  readonly x: OnnxOperand;
  readonly g: OnnxOperand;
  readonly groups: number;
}

const exchange = { perm: [1, 0, 2, 3] };

/** A kernel of 1 x 1: `sum over n of g[n] x[n]T`, over the visited positions. */
export function pointwise(o: OnnxBuilder, form: Form): string {
  const { n, c, outs, rows, columns } = extentsOf(form);
  const area = rows * columns;
  const visited = form.stride.every((step) => step === 1)
    ? form.x.name
    : tap(o, form.x.name, form, [0, 0]);
  const x = o.node("Reshape", [visited, o.shape([n, c, area])]);
  const g = o.node("Reshape", [form.g.name, o.shape([n, outs, area])]);
  return o.node("Reshape", [summedProducts(o, g, { name: x, rank: 3 }), o.shape([outs, c, 1, 1])]);
}

/** A convolution in which images and channels change places and `g` is the kernel. */
export function swappedAxes(o: OnnxBuilder, form: Form): string {
  const { rows, columns } = extentsOf(form);
  const x = o.node("Transpose", [form.x.name], exchange);
  const g = o.node("Transpose", [form.g.name], exchange);
  const product = o.node("Conv", [x, g], {
    kernel_shape: [rows, columns],
    strides: form.dilation,
    dilations: form.stride,
    pads: form.pads,
  });
  // Rows and columns that the stride left over make the result larger than the kernel.
  const cut = o.node("Slice", [product, o.ints([0, 0]), o.ints(form.kernel), o.ints([2, 3])]);
  return o.node("Transpose", [cut], exchange);
}

/** One product of `g [O, N * P]` with the unfolded input `[C * kh * kw, N * P]`. */
export function unfolded(o: OnnxBuilder, form: Form): string {
  const { n, c, outs, rows, columns } = extentsOf(form);
  const places = n * rows * columns;
  const padded = withZeros(o, o.node("Transpose", [form.x.name], exchange), form);
  const taps = tapsOf(form).map((place) =>
    o.node("Reshape", [tap(o, padded, form, place), o.shape([c, 1, places])]),
  );
  const joined = o.node("Concat", taps, { axis: 1 });
  const columnsOfX = o.node("Reshape", [joined, o.shape([c * taps.length, places])]);
  const g = o.node("Reshape", [
    o.node("Transpose", [form.g.name], exchange),
    o.shape([outs, places]),
  ]);
  const product = o.node("MatMul", [g, o.node("Transpose", [columnsOfX], { perm: [1, 0] })]);
  return o.node("Reshape", [product, o.shape([outs, c, ...form.kernel])]);
}

/** For each kernel element the product of `g` with the part of the input it meets, summed over n. */
export function tapProducts(o: OnnxBuilder, form: Form): string {
  const { n, c, outs, rows, columns } = extentsOf(form);
  const { groups } = form;
  const area = rows * columns;
  const padded = withZeros(o, form.x.name, form);
  const g = o.node("Reshape", [form.g.name, o.shape([n, groups, outs / groups, area])]);
  const products = tapsOf(form).map((place) => {
    const shape = o.shape([n, groups, c / groups, area]);
    const x = o.node("Reshape", [tap(o, padded, form, place), shape]);
    return o.node("Reshape", [
      summedProducts(o, g, { name: x, rank: 4 }),
      o.shape([outs, c / groups, 1]),
    ]);
  });
  const joined = o.node("Concat", products, { axis: 2 });
  return o.node("Reshape", [joined, o.shape([outs, c / groups, ...form.kernel])]);
}

/**
 * One channel per group: `D[h, j, r] = sum over q of x[h, column(q, j)] g[r, q]` of each map, and
 * `dw[i, j]` is the sum of `D[row(r, i), j, r]` over r. Constant matrices of zeros and ones move the
 * columns and add up: three products, where taps would copy the input once each.
 */
export function byRowProducts(o: OnnxBuilder, form: Form): string {
  const { n, c, rows, columns } = extentsOf(form);
  const { dtype, shape } = form.x.type;
  const [height, width] = [boundDim(at(shape, 2)), boundDim(at(shape, 3))];
  const [kh, kw] = [at(form.kernel, 0), at(form.kernel, 1)];
  const maps = n * c;
  const moving = zerosAndOnes(width, kw * columns, (u, to) => {
    const [j, q] = [Math.floor(to / columns), to % columns];
    return u === positionOf(form, 1, q, j);
  });
  const adding = zerosAndOnes(height * kw * rows, kh * kw, (from, to) => {
    const [h, j, r] = [Math.floor(from / rows / kw), Math.floor(from / rows) % kw, from % rows];
    return j === to % kw && h === positionOf(form, 0, r, Math.floor(to / kw));
  });
  const x = o.node("Reshape", [form.x.name, o.shape([maps * height, width])]);
  const moved = o.node("MatMul", [x, o.floats(moving, [width, kw * columns], dtype)]);
  const byColumn = o.node(
    "Transpose",
    [o.node("Reshape", [form.g.name, o.shape([maps, rows, columns])])],
    { perm: [0, 2, 1] },
  );
  const products = o.node("MatMul", [
    o.node("Reshape", [moved, o.shape([maps, height * kw, columns])]),
    byColumn,
  ]);
  const sums = o.node("MatMul", [
    o.node("Reshape", [products, o.shape([maps, height * kw * rows])]),
    o.floats(adding, [height * kw * rows, kh * kw], dtype),
  ]);
  const byRecord = o.node("Reshape", [sums, o.shape([n, c, 1, kh, kw])]);
  return o.node("ReduceSum", [byRecord, o.ints([0])], { keepdims: 0 });
}

const zerosAndOnes = (
  rows: number,
  columns: number,
  isOne: (row: number, column: number) => boolean,
): readonly number[] =>
  Array.from({ length: rows * columns }, (_, i) =>
    isOne(Math.floor(i / columns), i % columns) ? 1 : 0,
  );

/** `g xT` over the last two axes, summed over the first. */
function summedProducts(
  o: OnnxBuilder,
  g: string,
  { name, rank }: { readonly name: string; readonly rank: number },
): string {
  const lead = Array.from({ length: rank - 2 }, (_, axis) => axis);
  const turned = o.node("Transpose", [name], { perm: [...lead, rank - 1, rank - 2] });
  return o.node("ReduceSum", [o.node("MatMul", [g, turned]), o.ints([0])], { keepdims: 0 });
}

function extentsOf({ x, g }: Form): {
  readonly n: number;
  readonly c: number;
  readonly outs: number;
  readonly rows: number;
  readonly columns: number;
} {
  const [n, c] = [at(x.type.shape, 0), at(x.type.shape, 1)].map(boundDim);
  const [outs, rows, columns] = g.type.shape.slice(1).map(boundDim);
  return { n: n ?? 0, c: c ?? 0, outs: outs ?? 0, rows: rows ?? 0, columns: columns ?? 0 };
}

const tapsOf = ({ kernel }: Form): readonly (readonly [number, number])[] =>
  Array.from({ length: at(kernel, 0) }, (_, i) =>
    Array.from({ length: at(kernel, 1) }, (_, j) => [i, j] as const),
  ).flat();

function withZeros(o: OnnxBuilder, x: string, { pads }: Form): string {
  if (pads.every((pad) => pad === 0)) return x;
  const [top, left, bottom, right] = pads;
  return o.node("Pad", [x, o.ints([0, 0, top ?? 0, left ?? 0, 0, 0, bottom ?? 0, right ?? 0])]);
}

/** The elements of a padded input that one kernel element meets, in the order of the output. */
function tap(o: OnnxBuilder, padded: string, form: Form, place: readonly [number, number]): string {
  const { rows, columns } = extentsOf(form);
  const steps = [rows, columns];
  const from = place.map((k, axis) => k * at(form.dilation, axis));
  const to = from.map((start, axis) => start + at(form.stride, axis) * (at(steps, axis) - 1) + 1);
  return o.node("Slice", [padded, o.ints(from), o.ints(to), o.ints([2, 3]), o.ints(form.stride)]);
}
