/** What the makers of steps share: axes, lanes along them, and what makes them safe. */

import { reduceAxes } from "../compiler/ops/kit/ndarray.js";
import type { Pool, Proposal, Value } from "./parity-programs.js";

/** Nearer than this to a kink, f32 and f64 could choose different sides; exact hits are the same in both. */
export const margin = 1e-3;

export type Maker = (pool: Pool) => Proposal | null;

export const axisOf = (pool: Pool, x: Value): number => {
  const rank = x.array.shape.length;
  return pool.below(rank) - (pool.chance(0.3) ? rank : 0);
};
export const axesOf = (pool: Pool, x: Value): readonly number[] => {
  const all = x.array.shape.map((_, axis) => axis);
  const some = all.filter(() => pool.chance(0.5));
  return some.length === 0 ? [axisOf(pool, x)] : some;
};
export const lanesOf = (x: Value, axes: readonly number[]): readonly (readonly number[])[] => {
  const found: (readonly number[])[] = [];
  const rank = x.array.shape.length;
  const places = axes.map((axis) => (axis < 0 ? axis + rank : axis));
  reduceAxes(x.array, { axes: places, keep: true }, (values) => (found.push(values), 0));
  return found;
};
/** Neighbours in size are equal or apart; with `distinct` they are apart. */
export const ordered = (lane: readonly number[], distinct = false): boolean =>
  lane
    .toSorted((a, b) => a - b)
    .every((value, i, all) => {
      const before = all[i - 1];
      return before === undefined || value - before > margin || (!distinct && value === before);
    });

export const spread = (lane: readonly number[]): boolean => {
  const mean = lane.reduce((sum, value) => sum + value, 0) / lane.length;
  return lane.reduce((sum, value) => sum + (value - mean) ** 2, 0) / lane.length > 0.05;
};
export const sized = (lane: readonly number[]): boolean =>
  lane.reduce((sum, value) => sum + value ** 2, 0) / lane.length > 0.05;
