/** Puts the axes of a record in another order. */

import { pick, type Value } from "../value.js";

/** Takes the record for one of the extents `split`, permutes its axes, and gives it `shape`. */
export function rearrange(
  x: Value,
  split: readonly number[],
  order: readonly number[],
  shape: readonly number[],
): Value {
  const strides: number[] = split.map(() => 1);
  for (let axis = split.length - 2; axis >= 0; axis--)
    strides[axis] = (strides[axis + 1] ?? 1) * (split[axis + 1] ?? 1);
  const extents = order.map((axis) => split[axis] ?? 1);
  const steps = order.map((axis) => strides[axis] ?? 1);
  return pick(x, shape, (index) => {
    let left = index;
    let place = 0;
    for (let axis = extents.length - 1; axis >= 0; axis--) {
      const extent = extents[axis] ?? 1;
      place += (left % extent) * (steps[axis] ?? 0);
      left = Math.floor(left / extent);
    }
    return place;
  });
}
