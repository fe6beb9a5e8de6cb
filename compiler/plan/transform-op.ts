/** The steps of transforms with their settings, as plans have them. */

import { z } from "zod";

const positive = z.number().int().positive();
const share = z.number().min(0).max(1);

export const dtypeName = z.enum(["f32", "f16", "bf16", "f64", "i32", "i64", "u8", "bool"]);

const limits = z.tuple([z.number(), z.number()]);

export const transformOp = z.discriminatedUnion("kind", [
  /** Area-true resampling to height x width. */
  z.strictObject({ kind: z.literal("resize"), height: positive, width: positive }),
  /** (x / 255 - mean) / std on u8 input, (x - mean) / std on f32; per channel or one for all. */
  z.strictObject({
    kind: z.literal("normalize"),
    mean: z.array(z.number()).min(1),
    std: z.array(z.number().positive()).min(1),
  }),
  /** (x - mean(x)) / max(std(x), 1e-3) over the record's own pixels; u8 is divided by 255 first. */
  z.strictObject({ kind: z.literal("standardize") }),
  /** Mirrors left and right with probability p. */
  z.strictObject({ kind: z.literal("hflip"), p: z.number().min(0).max(1) }),
  /**
   * Multiplies by 1 + U(-contrast, contrast) about the mean of all elements, then adds
   * 255 * U(-brightness, brightness) on u8, which is rounded and clamped, or U(-brightness,
   * brightness) on f32.
   */
  z.strictObject({
    kind: z.literal("jitter"),
    brightness: z.number().min(0).max(1),
    contrast: z.number().min(0).max(1),
  }),
  /** Pads by `pad` edge pixels on each side and cuts a window of the old size at a random place. */
  z.strictObject({ kind: z.literal("random_shift"), pad: z.number().int().min(0) }),
  /** Maps the fit's lo..hi to the limits, or by its mean and standard deviation. */
  z.strictObject({ kind: z.literal("rescale"), fit: z.string(), to: limits.nullable() }),
  /** Axes in a new order, after and before being merged: `(T H) W -> W T H`. */
  z.strictObject({
    kind: z.literal("rearrange"),
    /** The extents after all groups of the left side are taken apart. */
    split: z.array(positive),
    order: z.array(z.number().int().min(0)),
    shape: z.array(positive),
  }),
  z.strictObject({
    kind: z.literal("crop"),
    top: z.number().int().min(0),
    left: z.number().int().min(0),
    height: positive,
    width: positive,
  }),
  z.strictObject({ kind: z.literal("center_crop"), height: positive, width: positive }),
  z.strictObject({ kind: z.literal("random_crop"), height: positive, width: positive }),
  z.strictObject({
    kind: z.literal("pad"),
    top: z.number().int().min(0),
    bottom: z.number().int().min(0),
    left: z.number().int().min(0),
    right: z.number().int().min(0),
    value: z.union([z.number(), z.literal("edge")]),
  }),
  z.strictObject({ kind: z.literal("vflip"), p: share }),
  /** By U(-degrees, degrees) about the middle, with the probability p; what comes in is `value`. */
  z.strictObject({
    kind: z.literal("rotate"),
    degrees: z.number().positive(),
    p: share,
    value: z.number(),
  }),
  /** Rotation, a shift by a share of the size, a scale and a shear, each drawn uniformly. */
  z.strictObject({
    kind: z.literal("affine"),
    degrees: z.number().min(0),
    shift: share,
    scale: limits,
    shear: z.number().min(0),
    p: share,
    value: z.number(),
  }),
  /** Factors 1 + U(-a, a) of brightness, contrast and saturation, and a hue shift of U(-a, a) turns. */
  z.strictObject({
    kind: z.literal("color_jitter"),
    brightness: share,
    contrast: share,
    saturation: share,
    hue: z.number().min(0).max(0.5),
  }),
  /** Gaussian, with a standard deviation of U(0, sigma) pixels. */
  z.strictObject({ kind: z.literal("blur"), sigma: z.number().positive(), p: share }),
  /** Adds N(0, std), of the range 0..1 on u8. */
  z.strictObject({ kind: z.literal("noise"), std: z.number().positive(), p: share }),
  /** `count` squares of `size` pixels set to `value`. */
  z.strictObject({
    kind: z.literal("cutout"),
    size: positive,
    count: positive,
    p: share,
    value: z.number(),
  }),
  /** Multiplies the whole record by U(low, high). */
  z.strictObject({ kind: z.literal("scale"), by: limits, p: share }),
  /** Overlapping squares, row by row, as a new first axis. */
  z.strictObject({ kind: z.literal("tile"), size: positive, overlap: z.number().int().min(0) }),
  /** Converts elements; u8 keeps its range 0..255. */
  z.strictObject({ kind: z.literal("to"), dtype: dtypeName }),
]);
export type TransformOp = z.infer<typeof transformOp>;
