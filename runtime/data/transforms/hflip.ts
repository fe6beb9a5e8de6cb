/** Mirrors left and right, sometimes. */

import { gather, layoutOf, type Pixels } from "../pixels.js";
import { type DrawPoint, drawAt } from "./draw.js";

/** Reverses the last axis when the first draw is below `p`. */
export function hflip(x: Pixels, p: number, point: DrawPoint): Pixels {
  const [draw = 0] = drawAt(point, 1);
  if (draw >= p) return x;
  const { width } = layoutOf(x.shape);
  return gather(x, (i) => {
    const column = i % width;
    return i - column + (width - 1 - column);
  });
}
