/** Shifts and scales by fixed means and deviations, one for all or one per channel. */

import type { Pixels } from "../pixels.js";

/**
 * (x / 255 - mean) / std on u8, (x - mean) / std on f32, in f64, rounded to f32. With more than
 * one mean or std the axis before rows and columns is the channel.
 */
export function normalize(x: Pixels, mean: readonly number[], std: readonly number[]): Pixels {
  const out = new Float32Array(x.data.length);
  const channels = Math.max(mean.length, std.length);
  const plane = (x.shape.at(-1) ?? 1) * (x.shape.at(-2) ?? 1);
  const length = channels === 1 ? x.data.length : plane;
  const unit = x.dtype === "u8" ? 255 : 1;
  for (let start = 0; start < out.length; start += length) {
    const channel = (start / length) % channels;
    const shift = mean[mean.length === 1 ? 0 : channel] ?? 0;
    const scale = std[std.length === 1 ? 0 : channel] ?? 1;
    for (let i = start; i < start + length; i++) out[i] = ((x.data[i] ?? 0) / unit - shift) / scale;
  }
  return { dtype: "f32", shape: x.shape, data: out };
}
