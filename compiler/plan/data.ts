/** The data program: how records are found, read, split, transformed and batched. */

import { z } from "zod";
import { dtypeName, transformOp } from "./transform-op.js";

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
  /**
   * Sequences of frames: a folder per group whose path below `root` fits `group`. The frames of one
   * are the files that the template of its first picture finds, in the order of their offsets, or
   * of their names where these do not end in a signed number of seconds.
   */
  z.strictObject({ kind: z.literal("frames"), root: z.string(), group: z.string(), place }),
  /** A record per picture that fits the pattern, numbers in names ordered as numbers. */
  z.strictObject({ kind: z.literal("images"), pattern: z.string(), place }),
  /** A record per raster that fits the pattern, likewise. */
  z.strictObject({ kind: z.literal("geotiff"), pattern: z.string(), place }),
  /** Arrays whose first axis is the record. */
  z.strictObject({
    kind: z.literal("arrays"),
    format: z.enum(["npy", "npz", "safetensors", "pickle"]),
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
  /** A record per row of one file, or of all that a pattern with `*` finds. */
  z.strictObject({ kind: z.literal("parquet"), file: z.string(), root: z.string(), place }),
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
      /**
       * `null` joins record i with record i: all parts are of one length. A key joins records whose
       * column, name of a pattern or property is equal as text, in the order of the first part.
       */
      readonly by: string | null;
      /** What becomes of a record whose key another part lacks. */
      readonly missing: "error" | "drop";
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
      by: z.string().nullable(),
      missing: z.enum(["error", "drop"]),
      parts: z.array(z.strictObject({ name: z.string().nullable(), source: dataSource })).min(2),
      place,
    }),
    z.strictObject({ kind: z.literal("concat"), parts: z.array(dataSource).min(2), place }),
  ]),
);

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
  /** The bands of a raster; a pixel of its nodata value is a fault, stays, or becomes a number. */
  z.strictObject({
    kind: z.literal("raster"),
    nodata: z.union([z.enum(["error", "keep"]), z.number()]),
    onError,
  }),
  /** `length` frames of one group, `stride` apart, the record's own the last: u8[length, C, H, W]. */
  z.strictObject({
    kind: z.literal("window"),
    ...template,
    length: positive,
    stride: positive,
    onError,
  }),
  /** Whether the frame's offset in seconds is at least this, as bool[] or bool[1]. */
  z.strictObject({ kind: z.literal("offset_at_least"), seconds: z.number() }),
  /** The frame's offset in seconds, as f32[]. */
  z.strictObject({ kind: z.literal("group_offset") }),
  /** The index of the frame's group among those of its split, as i64[]. */
  z.strictObject({ kind: z.literal("group_index") }),
  /** By tile, row by row, of the picture after its transforms: whether boxes cover `atLeast` of it. */
  z.strictObject({
    kind: z.literal("tile_boxes"),
    ...template,
    size: positive,
    overlap: z.number().int().min(0),
    atLeast: share,
  }),
  /** A column's number or list of numbers, or the index of its word among `classes`. */
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

/** What is kept of fields that come from files, after the transforms before the first random one. */
export const dataCache = z.strictObject({
  kind: z.enum(["disk", "memory"]),
  /** `null` is what memory leaves. */
  maxBytes: positive.nullable(),
  /**
   * Floats are rounded to it, in every epoch; with `u8`, pictures are kept as bytes, before the
   * transform that makes floats of them.
   */
  dtype: z.enum(["f16", "bf16", "f32", "u8"]).nullable(),
  /** Level of gzip; 0 stores as is. */
  compress: z.number().int().min(0).max(9),
});
export type DataCache = z.infer<typeof dataCache>;

export const dataLoader = z.strictObject({
  batch: positive,
  shuffle: z.boolean(),
  /** Threads that decode; `null` is as many as there are cores. */
  workers: z.number().int().min(0).nullable(),
  /** Training only: `drop` the incomplete last batch, or `pad` it under a mask. */
  last: z.enum(["drop", "pad"]),
  cache: dataCache.optional(),
  /** Reads a split into memory before its first batch, or keeps nothing of it there. */
  residency: z.enum(["preload", "stream"]).optional(),
  /** Batches that are made while one is used. */
  prefetch: positive.optional(),
  /** The program's batch comes in so many of `batch` records, for want of memory. */
  parts: positive.optional(),
});

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
  loader: dataLoader,
  /** By split, the groups of frames that graphs were made for: a run that finds others stops. */
  groups: z
    .strictObject({
      train: positive.optional(),
      val: positive.optional(),
      test: positive.optional(),
    })
    .optional(),
});
export type DataProgram = z.infer<typeof dataProgram>;

export type DType = z.infer<typeof dtypeName>;
