/** Brings each record's own pixels to mean 0 and deviation 1. */

import type { Pixels } from "../pixels.js";

const least = 1e-3;

/**
 * (x - mean(x)) / max(std(x), 1e-3) over all of the record's elements, channels together; u8 is
 * divided by 255 first. The deviation is the population's (divided by n). f64, rounded to f32.
 */
export function standardize(x: Pixels): Pixels {
  const { data } = x;
  const unit = x.dtype === "u8" ? 255 : 1;
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += (data[i] ?? 0) / unit;
  const mean = sum / data.length;
  let squares = 0;
  for (let i = 0; i < data.length; i++) squares += ((data[i] ?? 0) / unit - mean) ** 2;
  const std = Math.max(least, Math.sqrt(squares / data.length));
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = ((data[i] ?? 0) / unit - mean) / std;
  return { dtype: "f32", shape: x.shape, data: out };
}
