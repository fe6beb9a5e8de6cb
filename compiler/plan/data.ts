/** The data program: how records are found, read, split, transformed and batched. */

import { z } from "zod";

const positive = z.number().int().positive();
const share = z.number().min(0).max(1);

/** Where the program said so, as `file:line:col`, for messages about data. */
const place = z.string();

/** A source that is one place in the file system. Relative paths have been made absolute. */
export const plainSource = z.discriminatedUnion("kind", [
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
  /** Arrays whose first axis is the record. */
  z.strictObject({
    kind: z.literal("arrays"),
    format: z.enum(["npy", "npz", "safetensors"]),
    file: z.string(),
    place,
  }),
  /** A record per line after the header; quotes as in RFC 4180. */
  z.strictObject({
    kind: z.literal("csv"),
    file: z.string(),
    /** Where templates with columns start. */
    root: z.string(),
    delimiter: z.string().length(1),
    place,
  }),
  /** A record per picture of a COCO file. */
  z.strictObject({
    kind: z.literal("coco"),
    annotations: z.string(),
    root: z.string(),
    /** `null` counts every category, in the file's order. */
    classes: z.array(z.string()).nullable(),
    /** What the file calls a class, where it does not call it by its name. */
    names: z.record(z.string(), z.array(z.string())),
    place,
  }),
]);
export type PlainSource = z.infer<typeof plainSource>;

/** Records of several sources joined, or one after the other. */
export type DataSource =
  | PlainSource
  | {
      readonly kind: "zip";
      /** `null` joins record i with record i: all parts are of one length. */
      readonly by: null;
      readonly parts: readonly { readonly name: string | null; readonly source: DataSource }[];
      readonly place: string;
    }
  | {
      readonly kind: "concat";
      readonly parts: readonly DataSource[];
      readonly place: string;
    };

export const dataSource: z.ZodType<DataSource> = z.lazy(() =>
  z.union([
    plainSource,
    z.strictObject({
      kind: z.literal("zip"),
      by: z.null(),
      parts: z.array(z.strictObject({ name: z.string().nullable(), source: dataSource })).min(2),
      place,
    }),
    z.strictObject({ kind: z.literal("concat"), parts: z.array(dataSource).min(2), place }),
  ]),
);

export const dtypeName = z.enum(["f32", "f16", "bf16", "f64", "i32", "i64", "u8", "bool"]);

/** What becomes of a record whose picture cannot be read. */
export const onError = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("error") }),
  /** Leaves the record out, and faults once more than this share is left out. */
  z.strictObject({ kind: z.literal("skip"), max: share }),
]);
export type OnError = z.infer<typeof onError>;

/** Names in braces of `file` are columns, parts of the pattern, `t`, or `index`. */
export const template = { file: z.string(), root: z.string().nullable() };

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
  /** The record's slice of an array; `null` where the file holds one. */
  z.strictObject({ kind: z.literal("array"), name: z.string().nullable() }),
  /** The picture of a file, u8[C, H, W]. */
  z.strictObject({ kind: z.literal("image_file"), ...template, onError }),
  z.strictObject({ kind: z.literal("exists"), ...template }),
  /** A column's number, or the index of its word among `classes`. */
  z.strictObject({
    kind: z.literal("column"),
    name: z.string(),
    classes: z.array(z.string()).nullable(),
  }),
  /** The record's own picture, where the source has one, with a policy for broken files. */
  z.strictObject({ kind: z.literal("picture"), onError }),
  /** xmin, ymin, xmax, ymax in pixels of the picture after its transforms; zeros where there is no box. */
  z.strictObject({
    kind: z.literal("boxes"),
    /** A Pascal VOC file; `null` for the source's own boxes. */
    file: z.string().nullable(),
    root: z.string().nullable(),
    max: positive,
  }),
  /** The boxes' classes in the same order; -1 where there is no box. */
  z.strictObject({ kind: z.literal("box_classes"), max: positive }),
  /** By class, the pixels under its polygons or run lengths, moved with the picture. */
  z.strictObject({ kind: z.literal("masks") }),
  /** By class, the share of the picture that its masks cover, before transforms. */
  z.strictObject({ kind: z.literal("area") }),
  /** By class, whether the picture has one. */
  z.strictObject({ kind: z.literal("present") }),
  /** Numbers of several columns as one vector. */
  z.strictObject({ kind: z.literal("columns"), names: z.array(z.string()).min(1) }),
]);
export type FieldReader = z.infer<typeof fieldReader>;

export const dataField = z.strictObject({
  name: z.string(),
  reader: fieldReader,
  /** As read, before transforms; `null` is an extent that only the files tell. */
  dtype: dtypeName,
  shape: z.array(positive.nullable()),
  place,
  /** Which part of a `zip` is read. */
  part: z.number().int().min(0).optional(),
});

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

export const transformStep = z.strictObject({
  /** `null` for every split. */
  split: z.enum(["train", "val", "test"]).nullable(),
  /** One field, or several that move together under one draw. */
  field: z.string().optional(),
  fields: z.array(z.string()).min(2).optional(),
  op: transformOp,
  /** Identity of its random draws: adding a step elsewhere changes no other step's. */
  draw: z.string(),
  place,
});

export type DataStep = z.infer<typeof transformStep>;

/** Computed once over the training split, before training. */
export const dataFit = z.strictObject({
  name: z.string(),
  kind: z.enum(["minmax", "standard"]),
  field: z.string(),
  /** Axes of the record that are reduced beside the records. */
  axes: z.array(z.number().int().min(0)),
  /** How many of the transforms apply before. */
  after: z.number().int().min(0),
  dtype: dtypeName,
  shape: z.array(positive),
  place,
});
export type DataFit = z.infer<typeof dataFit>;

const shares = { train: share, val: share, test: share };

const plainSplit = z.strictObject({
  /** The record property whose equal values stay together; `null` for single records. */
  by: z.string().nullable(),
  /** Fractions that sum to 1. */
  train: z.number().positive(),
  val: z.number().min(0),
  test: z.number().min(0),
  seed: z.number().int(),
});
export type PlainSplit = z.infer<typeof plainSplit>;

export const dataSplit = z.union([
  plainSplit,
  /** Whole groups of a column or property, or single records, with each class in each split. */
  z.strictObject({
    kind: z.literal("dealt"),
    by: z.union([z.string(), z.strictObject({ column: z.string() })]).nullable(),
    ...shares,
    seed: z.number().int(),
    /** The field whose values are the classes. */
    stratify: z.string().nullable(),
  }),
  /** In the order of a column: training first. */
  z.strictObject({ kind: z.literal("time"), column: z.string(), ...shares }),
  /** By a column's words; a record with any other word is a fault. */
  z.strictObject({
    kind: z.literal("words"),
    column: z.string(),
    train: z.array(z.string()).min(1),
    val: z.array(z.string()),
    test: z.array(z.string()),
  }),
]);
export type DataSplit = z.infer<typeof dataSplit>;

export const dataProgram = z.strictObject({
  name: z.string(),
  source: dataSource,
  fields: z.array(dataField).min(1),
  split: dataSplit,
  fits: z.array(dataFit).optional(),
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
