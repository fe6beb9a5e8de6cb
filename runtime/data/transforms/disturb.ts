/** Noise, blur, holes and gain at random; pixels stay where they are. */

import { numbersOf } from "../../metrics/numbers.js";
import { normal } from "../../random.js";
import { layoutOf, type Pixels, toByte } from "../pixels.js";
import { pixelsOf, type Value, valueOf } from "../value.js";
import { type DrawPoint, drawAt } from "./draw.js";

/** The first normal numbers share their bits with the draw that decides. */
const skipped = 4;

/** Adds N(0, std) to each element, of the range 0..1 on u8, when the first draw is below `p`. */
export function noise(x: Value, std: number, p: number, point: DrawPoint): Value {
  const [draw = 0] = drawAt(point, 1);
  if (draw >= p) return x;
  const z = normal(point.stream, point.epoch, point.record, x.data.length + skipped);
  const value = numbersOf(x);
  const scale = x.dtype === "u8" ? 255 * std : std;
  const at = (i: number): number => value(i) + scale * (z[i + skipped] ?? 0);
  return valueOf(x.dtype, x.shape, x.dtype === "u8" ? (i) => toByte(at(i)) : at);
}

/** Multiplies the record by U(low, high) from the second draw when the first is below `p`. */
export function scale(x: Value, by: readonly [number, number], p: number, point: DrawPoint): Value {
  const [draw = 0, second = 0] = drawAt(point, 2);
  if (draw >= p) return x;
  const factor = by[0] + (by[1] - by[0]) * second;
  const value = numbersOf(x);
  return valueOf(x.dtype, x.shape, (i) => value(i) * factor);
}

/** Sets `count` squares to `value`, each at a place of two draws, when the first draw is below `p`. */
export function cutout(
  x: Value,
  { size, count, p, value }: { size: number; count: number; p: number; value: number },
  point: DrawPoint,
): Value {
  const draws = drawAt(point, 1 + 2 * count);
  if ((draws[0] ?? 0) >= p) return x;
  const picture = pixelsOf(x);
  const { planes, height, width } = layoutOf(picture.shape);
  const data = picture.data.slice();
  for (let k = 0; k < count; k++) {
    const top = Math.floor((draws[1 + 2 * k] ?? 0) * (height - size + 1));
    const left = Math.floor((draws[2 + 2 * k] ?? 0) * (width - size + 1));
    for (let plane = 0; plane < planes; plane++)
      for (let y = Math.max(0, top); y < Math.min(height, top + size); y++) {
        const start = (plane * height + y) * width;
        data.fill(value, start + Math.max(0, left), start + Math.min(width, left + size));
      }
  }
  return { ...x, data };
}

/**
 * Convolves rows and columns with a Gaussian of U(0, sigma) pixels, from the second draw, when the
 * first is below `p`. It reaches three deviations far, and the rim is repeated.
 */
export function blur(x: Pixels, sigma: number, p: number, point: DrawPoint): Pixels {
  const [draw = 0, second = 0] = drawAt(point, 2);
  const deviation = sigma * second;
  if (draw >= p || deviation === 0) return x;
  const radius = Math.max(1, Math.ceil(3 * deviation));
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * deviation ** 2)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const { planes, height, width } = layoutOf(x.shape);
  const rows = new Float64Array(x.data.length);
  const out = x.dtype === "u8" ? new Uint8Array(rows.length) : new Float32Array(rows.length);
  const clamp = (i: number, extent: number): number => Math.min(extent - 1, Math.max(0, i));
  for (let line = 0; line < planes * height; line++)
    for (let i = 0; i < width; i++) {
      let sum = 0;
      for (let k = -radius; k <= radius; k++)
        sum += (weights[k + radius] ?? 0) * (x.data[line * width + clamp(i + k, width)] ?? 0);
      rows[line * width + i] = sum / total;
    }
  for (let plane = 0; plane < planes; plane++)
    for (let y = 0; y < height; y++)
      for (let i = 0; i < width; i++) {
        let sum = 0;
        for (let k = -radius; k <= radius; k++)
          sum +=
            (weights[k + radius] ?? 0) *
            (rows[(plane * height + clamp(y + k, height)) * width + i] ?? 0);
        out[(plane * height + y) * width + i] =
          x.dtype === "u8" ? toByte(sum / total) : sum / total;
      }
  return out instanceof Uint8Array
    ? { dtype: "u8", shape: x.shape, data: out }
    : { dtype: "f32", shape: x.shape, data: out };
}
