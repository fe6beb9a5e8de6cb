/** Resamples a tensor along single axes, as weights of positions need for another size of input. */

import type { Resizing } from "../compiler/plan/initial.js";
import { at } from "../grammar/invariant.js";

/** What one new element takes of the old ones along an axis. */
type Taps = readonly { readonly from: number; readonly share: number }[];

/**
 * Values of the shape `to` from values of the shape `from`, one axis after the other in f64. Centres
 * of elements are aligned, places beyond the ends count as the ends: PyTorch's `interpolate` without
 * `align_corners`, in several axes too.
 */
export function resample(
  values: Float64Array<ArrayBuffer>,
  from: readonly number[],
  to: readonly number[],
  mode: Resizing["mode"],
): Float64Array<ArrayBuffer> {
  let moving = values;
  const shape = [...from];
  for (const [axis, extent] of to.entries()) {
    const old = at(shape, axis);
    if (old === extent) continue;
    const inner = shape.slice(axis + 1).reduce((product, each) => product * each, 1);
    const outer = moving.length / (old * inner);
    const next = new Float64Array(outer * extent * inner);
    for (let i = 0; i < extent; i++)
      for (const tap of tapsOf(i, old, extent, mode))
        for (let o = 0; o < outer; o++)
          for (let k = 0; k < inner; k++) {
            const place = (o * extent + i) * inner + k;
            const value = moving[(o * old + tap.from) * inner + k] ?? 0;
            next[place] = (next[place] ?? 0) + tap.share * value;
          }
    shape[axis] = extent;
    moving = next;
  }
  return moving;
}

function tapsOf(index: number, from: number, to: number, mode: Resizing["mode"]): Taps {
  const within = (place: number): number => Math.min(Math.max(place, 0), from - 1);
  if (mode === "nearest") return [{ from: within(Math.floor((index * from) / to)), share: 1 }];
  const centre = ((index + 0.5) * from) / to - 0.5;
  if (mode === "linear") {
    const place = within(centre);
    const low = Math.floor(place);
    const share = place - low;
    return [
      { from: low, share: 1 - share },
      { from: within(low + 1), share },
    ];
  }
  const low = Math.floor(centre);
  return [-1, 0, 1, 2].map((offset) => ({
    from: within(low + offset),
    share: cubic(Math.abs(centre - low - offset)),
  }));
}

/** Keys' kernel (1981) with a = -0.75. */
function cubic(distance: number): number {
  const a = -0.75;
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  return distance < 2 ? (((distance - 5) * distance + 8) * distance - 4) * a : 0;
}
