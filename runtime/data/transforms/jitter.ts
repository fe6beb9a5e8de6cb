/** Changes brightness and contrast of the whole picture at random. */

import { type Pixels, toByte } from "../pixels.js";
import { type DrawPoint, drawAt } from "./draw.js";

/**
 * (x - m) * (1 + c) + m + r * b, where m is the mean of all elements, c = U(-contrast, contrast)
 * from the first draw, b = U(-brightness, brightness) from the second, and r the range of the
 * dtype: 255 for u8, which is rounded half up and clamped to 0..255, and 1 for f32, which is not.
 */
export function jitter(x: Pixels, brightness: number, contrast: number, point: DrawPoint): Pixels {
  const [first = 0, second = 0] = drawAt(point, 2);
  const factor = 1 + contrast * (2 * first - 1);
  const shift = (x.dtype === "u8" ? 255 : 1) * brightness * (2 * second - 1);
  const { data } = x;
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i] ?? 0;
  const mean = sum / data.length;
  const offset = mean * (1 - factor) + shift;
  if (x.dtype === "u8") {
    const table = Uint8Array.from({ length: 256 }, (_, value) => toByte(value * factor + offset));
    return { ...x, data: x.data.map((value) => table[value] ?? 0) };
  }
  return { ...x, data: x.data.map((value) => value * factor + offset) };
}
