/** Changes brightness and contrast of the whole picture at random. */

import { type Pixels, toByte } from "../pixels.js";
import { ofPlanes, type StridedBytes, sumOf } from "../strided.js";
import { type DrawPoint, drawAt } from "./draw.js";

/**
 * (x - m) * (1 + c) + m + r * b, where m is the mean of all elements, c = U(-contrast, contrast)
 * from the first draw, b = U(-brightness, brightness) from the second, and r the range of the
 * dtype: 255 for u8, which is rounded half up and clamped to 0..255, and 1 for f32, which is not.
 */
export function jitter(x: Pixels, brightness: number, contrast: number, point: DrawPoint): Pixels {
  const { data } = x;
  const strength = { brightness, contrast };
  if (x.dtype === "u8") {
    const table = jitteredBytes(ofPlanes(x.data, x.shape), strength, point);
    const out = new Uint8Array(data.length);
    for (let i = 0; i < out.length; i++) out[i] = table[data[i] ?? 0] ?? 0;
    return { ...x, data: out };
  }
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i] ?? 0;
  const { factor, offset } = lineOf(sum / data.length, 1, strength, point);
  const out = new Float32Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = (data[i] ?? 0) * factor + offset;
  return { ...x, data: out };
}

interface Strength {
  readonly brightness: number;
  readonly contrast: number;
}

/** What each byte of a picture becomes: a table of 256. */
export function jitteredBytes(x: StridedBytes, strength: Strength, point: DrawPoint): Uint8Array {
  const mean = sumOf(x) / (x.planes * x.height * x.width);
  const { factor, offset } = lineOf(mean, 255, strength, point);
  const table = new Uint8Array(256);
  for (let i = 0; i < 256; i++) table[i] = toByte(i * factor + offset);
  return table;
}

function lineOf(
  mean: number,
  range: number,
  { brightness, contrast }: Strength,
  point: DrawPoint,
): { readonly factor: number; readonly offset: number } {
  const [first = 0, second = 0] = drawAt(point, 2);
  const factor = 1 + contrast * (2 * first - 1);
  return { factor, offset: mean * (1 - factor) + range * brightness * (2 * second - 1) };
}
