/** Linear maps along height and width: interpolation and adaptive pooling as matrices of weights. */

import { at } from "../../../grammar/invariant.js";
import type { DType } from "../../ir/type.js";
import { type NdArray, countOf, generate, valueAt } from "./ndarray.js";
import type { OnnxBuilder } from "./onnx-builder.js";

/** Rows are places of the result, columns places of the input. */
export type Weights = readonly (readonly number[])[];

export const transposedWeights = (weights: Weights): Weights =>
  at(weights, 0).map((_, column) => weights.map((row) => at(row, column)));

/** `rows X columnsT` for every image and channel of `x`. */
export function separable(x: NdArray, rows: Weights, columns: Weights): NdArray {
  const [n, c, , width] = x.shape;
  const lead = [n ?? 0, c ?? 0];
  const inner = generate(x.dtype, [...lead, rows.length, width ?? 0], ([i, k, row, column]) =>
    dot(at(rows, row ?? 0), (h) => valueAt(x, [i ?? 0, k ?? 0, h, column ?? 0])),
  );
  return generate(x.dtype, [...lead, rows.length, columns.length], ([i, k, row, column]) =>
    dot(at(columns, column ?? 0), (w) => valueAt(inner, [i ?? 0, k ?? 0, row ?? 0, w])),
  );
}

const dot = (weights: readonly number[], valueOf: (place: number) => number): number =>
  weights.reduce((sum, weight, place) => (weight === 0 ? sum : sum + weight * valueOf(place)), 0);

/** The same in ONNX, the axis that shrinks most first; a map that changes nothing is left out. */
export function separableOnnx(
  o: OnnxBuilder,
  x: string,
  maps: { readonly rows: Weights; readonly columns: Weights; readonly dtype: DType },
): string {
  const { rows, columns, dtype } = maps;
  const constant = (weights: Weights): string =>
    o.floats(weights.flat(), [weights.length, at(weights, 0).length], dtype);
  const overRows = (value: string): string =>
    isIdentity(rows) ? value : o.node("MatMul", [constant(rows), value]);
  const overColumns = (value: string): string =>
    isIdentity(columns) ? value : o.node("MatMul", [value, constant(transposedWeights(columns))]);
  const growth = (weights: Weights): number => weights.length / at(weights, 0).length;
  const result =
    growth(rows) < growth(columns) ? overColumns(overRows(x)) : overRows(overColumns(x));
  return result === x ? o.node("Identity", [x]) : result;
}

const isIdentity = (weights: Weights): boolean =>
  weights.length === at(weights, 0).length &&
  weights.every((row, i) => row.every((weight, j) => weight === (i === j ? 1 : 0)));

/** How a resized axis is computed. */
export interface Interpolation {
  readonly mode: "nearest" | "bilinear" | "bicubic";
  readonly align_corners: boolean;
}

/** The weights of PyTorch's `interpolate` without antialiasing along one axis. */
export function interpolationWeights(from: number, to: number, how: Interpolation): Weights {
  const scale =
    how.align_corners && how.mode !== "nearest" ? (to > 1 ? (from - 1) / (to - 1) : 0) : from / to;
  return Array.from({ length: to }, (_, place) => {
    const row = Array.from({ length: from }, () => 0);
    const source =
      how.mode === "nearest" || how.align_corners ? place * scale : (place + 0.5) * scale - 0.5;
    for (const { offset, weight } of tapsOf(source - Math.floor(source), how.mode)) {
      const column = Math.min(Math.max(Math.floor(source) + offset, 0), from - 1);
      row[column] = at(row, column) + weight;
    }
    return row;
  });
}

function tapsOf(
  t: number,
  mode: Interpolation["mode"],
): readonly { readonly offset: number; readonly weight: number }[] {
  if (mode === "nearest") return [{ offset: 0, weight: 1 }];
  if (mode === "bilinear")
    return [
      { offset: 0, weight: 1 - t },
      { offset: 1, weight: t },
    ];
  return [-1, 0, 1, 2].map((offset) => ({ offset, weight: cubic(Math.abs(t - offset)) }));
}

/** Keys' kernel with a = -0.75. */
function cubic(d: number): number {
  const a = -0.75;
  if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
}

/** Means over the bins `floor(i * from / to) .. ceil((i + 1) * from / to)`. */
export const binWeights = (from: number, to: number): Weights =>
  Array.from({ length: to }, (_, i) => {
    const start = Math.floor((i * from) / to);
    const end = Math.ceil(((i + 1) * from) / to);
    return Array.from({ length: from }, (_, j) => (j >= start && j < end ? 1 / (end - start) : 0));
  });

/** Multiplications and additions of both maps. */
export const separableFlops = (
  shape: readonly number[],
  to: { readonly height: number; readonly width: number },
  taps: number,
): number => 2 * taps * (countOf(shape.slice(0, 2)) * to.height * (at(shape, 3) + to.width));
