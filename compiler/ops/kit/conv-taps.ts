/** The index triples of a convolution: input element, weight element, output element. */

import { at } from "../../../grammar/invariant.js";
import { positionOf } from "./window.js";

interface Shapes {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly y: readonly number[];
}

interface Settings {
  readonly stride: readonly number[];
  readonly pads: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/**
 * Calls `visit` with the flat indices of every product `x[i] * w[j]` that is added to `y[k]`. All
 * three directions of a convolution are sums over these triples.
 */
export function forEachTap(
  shapes: Shapes,
  settings: Settings,
  visit: (x: number, w: number, y: number) => void,
): void {
  const [batch, channels, height, width] = fourOf(shapes.x);
  const [outs, perGroup, kh, kw] = fourOf(shapes.w);
  const [, , rows, columns] = fourOf(shapes.y);
  const window = { ...settings, kernel: [kh, kw] };
  const outsPerGroup = outs / settings.groups;
  const flat = (n: number, o: number): number => (n * outs + o) * rows * columns;
  for (let n = 0; n < batch; n++)
    for (let o = 0; o < outs; o++)
      for (let c = 0; c < perGroup; c++) {
        const channel = Math.floor(o / outsPerGroup) * perGroup + c;
        for (let position = 0; position < rows * columns * kh * kw; position++) {
          const [j, i] = [position % kw, Math.floor(position / kw) % kh];
          const place = Math.floor(position / (kw * kh));
          const v = positionOf(window, 0, Math.floor(place / columns), i);
          const u = positionOf(window, 1, place % columns, j);
          if (v < 0 || v >= height || u < 0 || u >= width) continue;
          const x = ((n * channels + channel) * height + v) * width + u;
          visit(x, ((o * perGroup + c) * kh + i) * kw + j, flat(n, o) + place);
        }
      }
}

const fourOf = (shape: readonly number[]): readonly [number, number, number, number] => [
  at(shape, 0),
  at(shape, 1),
  at(shape, 2),
  at(shape, 3),
];
