/** Poolings: their sharding and reference. */

import { at } from "../../../grammar/invariant.js";
import { type NdArray, generate, valueAt } from "./ndarray.js";
import { type ShardingRule, factors } from "./sharding.js";
import { boundDim, positionOf, stepsOf } from "./window.js";

/** A rule over the letters n, c (free) and h, w, y, x (whole: windows would need halos). */
export const poolingRule = (equation: string): ShardingRule =>
  factors(equation, {
    replicate: [..."hwyx"].filter((letter) => equation.includes(letter)).join(""),
  });

/** An element inside of a window. */
export interface Cell {
  readonly value: number;
  /** Flat index in the input. */
  readonly place: number;
}

export interface PoolSettings {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly pads: readonly number[];
}

/** The elements of one window that lie inside of the input, in row-major order. */
export function cellsOf(
  x: NdArray,
  settings: PoolSettings,
  index: readonly number[],
): readonly Cell[] {
  const window = { ...settings, dilation: [1, 1] };
  const [n, c, row, column] = [at(index, 0), at(index, 1), at(index, 2), at(index, 3)];
  const [height, width] = [at(x.shape, 2), at(x.shape, 3)];
  const cells: Cell[] = [];
  for (let i = 0; i < at(settings.kernel, 0); i++)
    for (let j = 0; j < at(settings.kernel, 1); j++) {
      const [h, w] = [positionOf(window, 0, row, i), positionOf(window, 1, column, j)];
      if (h < 0 || h >= height || w < 0 || w >= width) continue;
      const place = ((n * at(x.shape, 1) + c) * height + h) * width + w;
      cells.push({ value: valueAt(x, [n, c, h, w]), place });
    }
  return cells;
}

/** The shape of the pooled tensor. */
export function pooledShape(shape: readonly number[], settings: PoolSettings): readonly number[] {
  const window = { ...settings, dilation: [1, 1] };
  const steps = [stepsOf(at(shape, 2), window, 0), stepsOf(at(shape, 3), window, 1)];
  return [at(shape, 0), at(shape, 1), ...steps.map(boundDim)];
}

/** Reduces the elements of each window to one number. */
export const poolReference = (
  x: NdArray,
  settings: PoolSettings,
  apply: (cells: readonly Cell[]) => number,
): NdArray =>
  generate(x.dtype, pooledShape(x.shape, settings), (index) => apply(cellsOf(x, settings, index)));
