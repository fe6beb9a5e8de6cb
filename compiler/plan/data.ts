/** The data program: how records are found, read, split, transformed and batched. */

import { z } from "zod";

const positive = z.number().int().positive();

/** Where the program said so, as `file:line:col`, for messages about data. */
const place = z.string();

export const dataSource = z.discriminatedUnion("kind", [
  /** Small drawn images with noise, made by the runtime; record i depends on (seed, i) only. */
  z.strictObject({
    kind: z.literal("synthetic"),
    generator: z.enum(["shapes"]),
    count: positive,
    height: positive,
    width: positive,
    classes: z.array(z.string()).min(2),
    /** Standard deviation of the pixel noise, of the range 0..1. */
    noise: z.number().min(0),
    seed: z.number().int(),
    place,
  }),
  /** `root/<class>/*.{jpg,jpeg,png,webp}`; the class list is explicit. */
  z.strictObject({
    kind: z.literal("image_folder"),
    root: z.string(),
    classes: z.array(z.string()).min(1),
    place,
  }),
  /** Frames with Pascal VOC boxes, cut into overlapping square tiles; a record is a tile. */
  z.strictObject({
    kind: z.literal("voc_tiles"),
    root: z.string(),
    /** `images/{frame}.jpeg`: the part in braces names the frame. */
    images: z.string(),
    boxes: z.string(),
    size: positive,
    overlap: z.number().int().min(0),
    /** Height and width of every frame. */
    frame: z.tuple([positive, positive]),
    /** Names of the boxes that count; `null` for all. */
    classes: z.array(z.string()).nullable(),
    place,
  }),
]);
export type DataSource = z.infer<typeof dataSource>;

export const dtypeName = z.enum(["f32", "f16", "bf16", "f64", "i32", "i64", "u8", "bool"]);

export const fieldReader = z.discriminatedUnion("kind", [
  /** The record's picture as u8[C, H, W]. */
  z.strictObject({ kind: z.literal("image") }),
  /** The class index as i64[]. */
  z.strictObject({ kind: z.literal("label") }),
  /** Whether boxes cover at least this fraction of the tile, as bool[]. */
  z.strictObject({ kind: z.literal("covered"), atLeast: z.number().min(0).max(1) }),
  /** Whether at least this fraction of some box lies in the tile, as bool[]. */
  z.strictObject({ kind: z.literal("holds"), atLeast: z.number().min(0).max(1) }),
  /** The tile's index in its frame, row by row, as i64[]. */
  z.strictObject({ kind: z.literal("position") }),
]);

export const dataField = z.strictObject({
  name: z.string(),
  reader: fieldReader,
  /** As read, before transforms. */
  dtype: dtypeName,
  shape: z.array(positive),
  place,
});

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
  z.strictObject({ kind: z.literal("random_shift"), pad: positive }),
]);
export type TransformOp = z.infer<typeof transformOp>;

export const transformStep = z.strictObject({
  /** `null` for every split. */
  split: z.enum(["train", "val", "test"]).nullable(),
  field: z.string(),
  op: transformOp,
  /** Identity of its random draws: adding a step elsewhere changes no other step's. */
  draw: z.string(),
  place,
});

export const dataProgram = z.strictObject({
  name: z.string(),
  source: dataSource,
  fields: z.array(dataField).min(1),
  split: z.strictObject({
    /** The record property whose equal values stay together; `null` for single records. */
    by: z.string().nullable(),
    /** Fractions that sum to 1. */
    train: z.number().positive(),
    val: z.number().min(0),
    test: z.number().min(0),
    seed: z.number().int(),
  }),
  transforms: z.array(transformStep),
  /** Fields after all transforms: what a batch holds, without the record axis. */
  outputs: z.array(
    z.strictObject({ name: z.string(), dtype: dtypeName, shape: z.array(positive) }),
  ),
  loader: z.strictObject({
    batch: positive,
    shuffle: z.boolean(),
    workers: z.number().int().min(0),
    /** Training only: `drop` the incomplete last batch, or `pad` it under a mask. */
    last: z.enum(["drop", "pad"]),
  }),
});
export type DataProgram = z.infer<typeof dataProgram>;

export type DType = z.infer<typeof dtypeName>;
