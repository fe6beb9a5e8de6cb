/** Shifts and scales by fixed means and deviations, one for all or one per channel. */

import { invariant } from "../../../grammar/invariant.js";
import type { Pixels } from "../pixels.js";
import { ofPlanes, type StridedBytes } from "../strided.js";
import { lookUp } from "./look-up.js";

export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * (x / 255 - mean) / std on u8, (x - mean) / std on f32, in f64, rounded to f32. With more than
 * one mean or std the axis before rows and columns is the channel.
 */
export function normalize(x: Pixels, by: Normalization): Pixels {
  const out = new Float32Array(x.data.length);
  if (x.dtype === "u8") return normalizeBytes(ofPlanes(x.data, x.shape), by, { out });
  const { data } = x;
  const channels = Math.max(by.mean.length, by.std.length);
  const plane = (x.shape.at(-1) ?? 1) * (x.shape.at(-2) ?? 1);
  for (let start = 0, p = 0; start < out.length; start += plane, p++) {
    const { shift, scale } = channelOf(by, p % channels);
    for (let i = start; i < start + plane; i++) out[i] = ((data[i] ?? 0) - shift) / scale;
  }
  return { dtype: "f32", shape: x.shape, data: out };
}

/** The same of bytes wherever they lie, which are `bytes[x]` before where that is given. */
export function normalizeBytes(
  x: StridedBytes,
  by: Normalization,
  { out, bytes }: { readonly out: Float32Array; readonly bytes?: Uint8Array | undefined },
): Pixels {
  const { lead, planes, height, width } = x;
  invariant(out.length === planes * height * width, "the result is as long as the picture");
  // There are but 256 results for each channel.
  const channels = Math.max(by.mean.length, by.std.length);
  const tables = Array.from({ length: channels }, (_, channel) => {
    const { shift, scale } = channelOf(by, channel);
    const table = new Float32Array(256);
    for (let i = 0; i < 256; i++) table[i] = ((bytes?.[i] ?? i) / 255 - shift) / scale;
    return table;
  });
  const own = Array.from(
    { length: planes },
    (_, p) => tables[p % channels] ?? new Float32Array(256),
  );
  lookUp(x, own, out);
  return { dtype: "f32", shape: [...lead, height, width], data: out };
}

const channelOf = (
  { mean, std }: Normalization,
  channel: number,
): { readonly shift: number; readonly scale: number } => ({
  shift: mean[mean.length === 1 ? 0 : channel] ?? 0,
  scale: std[std.length === 1 ? 0 : channel] ?? 1,
});
