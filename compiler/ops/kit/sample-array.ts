/** Numbers for samples that are too long to write by hand. */

import type { Nested } from "../define.js";

/**
 * Nested lists of the given shape. Values lie between -2 and 2, none is 0, and up to 97 in a row
 * are distinct; `seed` shifts them.
 */
export function sampleArray(shape: readonly number[], seed = 0): Nested {
  let next = seed * 31;
  const fill = ([extent, ...rest]: readonly number[]): Nested =>
    extent === undefined
      ? ((next++ * 37) % 97) / 24 - 2.01
      : Array.from({ length: extent }, () => fill(rest));
  return fill(shape);
}

/** The same with positive values, between 0.1 and 4.1. */
export function positiveSample(shape: readonly number[], seed = 0): Nested {
  const raise = (item: Nested): Nested =>
    typeof item === "number" ? item + 2.11 : item.map(raise);
  return raise(sampleArray(shape, seed));
}
