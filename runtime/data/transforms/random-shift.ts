/** Moves the picture by a few pixels at random, repeating its rim. */

import { gather, layoutOf, type Pixels } from "../pixels.js";
import { type DrawPoint, drawAt } from "./draw.js";

/**
 * Pads each side by `pad` copies of the nearest edge pixel and cuts a window of the old size at
 * row floor(u * (2 pad + 1)) and column floor(v * (2 pad + 1)) of the padded picture.
 */
export function randomShift(x: Pixels, pad: number, point: DrawPoint): Pixels {
  const [u = 0, v = 0] = drawAt(point, 2);
  const down = Math.floor(u * (2 * pad + 1)) - pad;
  const right = Math.floor(v * (2 * pad + 1)) - pad;
  const { height, width } = layoutOf(x.shape);
  return gather(x, (i) => {
    const column = i % width;
    const row = ((i - column) / width) % height;
    const plane = i - column - row * width;
    return plane + clamp(row + down, height) * width + clamp(column + right, width);
  });
}

const clamp = (index: number, extent: number): number => Math.min(extent - 1, Math.max(0, index));
