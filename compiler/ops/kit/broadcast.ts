/** Broadcasting of shapes over dims. */

import { at } from "../../../grammar/invariant.js";
import { type Dim, sameDim } from "../../ir/dim.js";

/**
 * The common shape, aligned at the last axes: equal extents, or one of them 1. A symbolic dim never
 * equals a number. `null` where the shapes do not fit.
 */
export function broadcastShapes(...shapes: readonly (readonly Dim[])[]): readonly Dim[] | null {
  let result: readonly Dim[] = [];
  for (const shape of shapes) {
    const joined = broadcastPair(result, shape);
    if (joined === null) return null;
    result = joined;
  }
  return result;
}

function broadcastPair(a: readonly Dim[], b: readonly Dim[]): readonly Dim[] | null {
  const rank = Math.max(a.length, b.length);
  const dims: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const left = a[i - rank + a.length] ?? 1;
    const right = b[i - rank + b.length] ?? 1;
    if (left !== 1 && right !== 1 && !sameDim(left, right)) return null;
    dims.push(left === 1 ? right : left);
  }
  return dims;
}

/** The axes of `wide` over which a value of shape `narrow` is repeated. */
export function broadcastAxes(narrow: readonly Dim[], wide: readonly Dim[]): readonly number[] {
  const lead = wide.length - narrow.length;
  return wide.flatMap((dim, axis) => {
    const own = axis < lead ? 1 : at(narrow, axis - lead);
    return axis < lead || (own === 1 && dim !== 1) ? [axis] : [];
  });
}
