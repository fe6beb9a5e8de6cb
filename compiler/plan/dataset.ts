/**
 * The data program of every dataset that checks: what `data.ts` holds, and the sources, readers,
 * transforms, splits and fits that are checked and not yet carried out. What the runtime learns
 * moves from here to `data.ts`; it parses plans by the latter, so that nothing else reaches it.
 */

import { z } from "zod";
import {
  dataField,
  dataProgram,
  dataSource,
  dtypeName,
  fieldReader,
  transformOp,
  transformStep,
} from "./data.js";

const positive = z.number().int().positive();
const share = z.number().min(0).max(1);

/** Where the program said so, as `file:line:col`, for messages about data. */
const place = z.string();

/** A source that is one place in the file system. Relative paths have been made absolute. */
const plainSource = z.discriminatedUnion("kind", [
  ...dataSource.options,
  /**
   * `root/<group>/<t>.*`: a folder per group whose name fits `group`, frames ordered by name. The
   * signed number at the end of a frame's name is its offset in seconds.
   */
  z.strictObject({ kind: z.literal("frames"), root: z.string(), group: z.string(), place }),
  /** A record per line after the header; quotes as in RFC 4180. */
  z.strictObject({
    kind: z.literal("csv"),
    file: z.string(),
    /** Where templates with columns start. */
    root: z.string(),
    delimiter: z.string().length(1),
    place,
  }),
  z.strictObject({ kind: z.literal("parquet"), file: z.string(), root: z.string(), place }),
  /** Arrays whose first axis is the record. */
  z.strictObject({
    kind: z.literal("arrays"),
    format: z.enum(["npy", "npz", "safetensors", "pickle"]),
    file: z.string(),
    place,
  }),
  /** A record per file that fits the pattern, in code-unit order. */
  z.strictObject({ kind: z.literal("images"), pattern: z.string(), place }),
  z.strictObject({ kind: z.literal("geotiff"), pattern: z.string(), place }),
  /** A record per picture of a COCO file; `null` counts every category, in the file's order. */
  z.strictObject({
    kind: z.literal("coco"),
    annotations: z.string(),
    root: z.string(),
    classes: z.array(z.string()).nullable(),
    place,
  }),
]);

/** Records of several sources joined, or one after the other. */
export type DatasetSource =
  | z.infer<typeof plainSource>
  | {
      readonly kind: "zip";
      /** `null` joins record i with record i: all parts are of one length. */
      readonly by: string | null;
      readonly parts: readonly { readonly name: string | null; readonly source: DatasetSource }[];
      readonly place: string;
    }
  | {
      readonly kind: "concat";
      readonly parts: readonly DatasetSource[];
      readonly place: string;
    };

export const datasetSource: z.ZodType<DatasetSource> = z.lazy(() =>
  z.union([
    plainSource,
    z.strictObject({
      kind: z.literal("zip"),
      by: z.string().nullable(),
      parts: z.array(z.strictObject({ name: z.string().nullable(), source: datasetSource })).min(2),
      place,
    }),
    z.strictObject({ kind: z.literal("concat"), parts: z.array(datasetSource).min(2), place }),
  ]),
);

/** What becomes of a record whose picture cannot be read. */
export const onError = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("error") }),
  /** Leaves the record out, and faults once more than this share is left out. */
  z.strictObject({ kind: z.literal("skip"), max: share }),
]);

/** Names in braces of `file` are columns, parts of the pattern, `t`, or `index`. */
const template = { file: z.string(), root: z.string().nullable() };

export const datasetReader = z.discriminatedUnion("kind", [
  ...fieldReader.options,
  /** The record's own picture, where the source has one, with a policy for broken files. */
  z.strictObject({ kind: z.literal("picture"), onError }),
  z.strictObject({ kind: z.literal("image_file"), ...template, onError }),
  /** A column's number, or the index of its word among `classes`. */
  z.strictObject({
    kind: z.literal("column"),
    name: z.string(),
    classes: z.array(z.string()).nullable(),
  }),
  /** Numbers of several columns as one vector. */
  z.strictObject({ kind: z.literal("columns"), names: z.array(z.string()).min(1) }),
  /** The record's slice of an array; `null` where the file holds one. */
  z.strictObject({ kind: z.literal("array"), name: z.string().nullable() }),
  /** `length` frames of one group, `stride` apart, the record's own the last. */
  z.strictObject({ kind: z.literal("window"), ...template, length: positive, stride: positive }),
  /** Whether the frame's offset in seconds is at least this. */
  z.strictObject({ kind: z.literal("offset_at_least"), seconds: z.number() }),
  z.strictObject({ kind: z.literal("group_offset") }),
  z.strictObject({ kind: z.literal("group_index") }),
  /** By tile, row by row, of the picture after its transforms: whether boxes cover `atLeast` of it. */
  z.strictObject({
    kind: z.literal("tile_boxes"),
    ...template,
    size: positive,
    overlap: z.number().int().min(0),
    atLeast: share,
  }),
  z.strictObject({ kind: z.literal("exists"), ...template }),
  /** xmin, ymin, xmax, ymax in pixels of the picture after its transforms; zeros where there is no box. */
  z.strictObject({ kind: z.literal("boxes"), file: z.string().nullable(), max: positive }),
  /** The boxes' classes in the same order; -1 where there is no box. */
  z.strictObject({ kind: z.literal("box_classes"), max: positive }),
  /** By class, the pixels under its polygons or run lengths, moved with the picture. */
  z.strictObject({ kind: z.literal("masks") }),
  /** By class, the share of the picture that its masks cover, before transforms. */
  z.strictObject({ kind: z.literal("area") }),
  /** By class, whether the picture has one. */
  z.strictObject({ kind: z.literal("present") }),
]);
export type DatasetReader = z.infer<typeof datasetReader>;

const datasetField = z.strictObject({
  ...dataField.shape,
  reader: datasetReader,
  /** `null` is an extent that only the files tell. */
  shape: z.array(positive.nullable()),
  /** Which part of a `zip` is read. */
  part: z.number().int().min(0).optional(),
});

const limits = z.tuple([z.number(), z.number()]);

export const datasetOp = z.discriminatedUnion("kind", [
  ...transformOp.options,
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
  /** Overlapping squares, row by row, as a new first axis. */
  z.strictObject({ kind: z.literal("tile"), size: positive, overlap: z.number().int().min(0) }),
  /** Converts elements; u8 keeps its range 0..255. */
  z.strictObject({ kind: z.literal("to"), dtype: dtypeName }),
]);
export type DatasetOp = z.infer<typeof datasetOp>;

const datasetStep = z.strictObject({
  ...transformStep.omit({ field: true }).shape,
  /** One field, or several that move together under one draw. */
  field: z.string().optional(),
  fields: z.array(z.string()).min(2).optional(),
  op: datasetOp,
});
export type DatasetStep = z.infer<typeof datasetStep>;

/** Computed once over the training split, before training. */
export const datasetFit = z.strictObject({
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
export type DatasetFit = z.infer<typeof datasetFit>;

const shares = { train: share, val: share, test: share };

export const datasetSplit = z.union([
  dataProgram.shape.split,
  /** Whole groups of a column or property, or single records, with each class in each split. */
  z.strictObject({
    kind: z.literal("dealt"),
    by: z.union([z.string(), z.strictObject({ column: z.string() })]).nullable(),
    ...shares,
    seed: z.number().int(),
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
export type DatasetSplit = z.infer<typeof datasetSplit>;

export const datasetLoader = z.strictObject({
  ...dataProgram.shape.loader.shape,
  /** `null` is as many as there are cores. */
  workers: z.number().int().min(0).nullable(),
  cache: z
    .strictObject({
      kind: z.enum(["disk", "memory"]),
      maxBytes: positive.nullable(),
      dtype: z.enum(["f16", "bf16", "f32", "u8"]).nullable(),
      /** Level of gzip; 0 stores as is. */
      compress: z.number().int().min(0).max(9),
    })
    .optional(),
  residency: z.enum(["preload", "stream"]).optional(),
  /** Batches that are kept ready. */
  prefetch: positive.optional(),
});
export type DatasetLoader = z.infer<typeof datasetLoader>;

export const datasetProgram = z.strictObject({
  ...dataProgram.shape,
  source: datasetSource,
  fields: z.array(datasetField).min(1),
  split: datasetSplit,
  fits: z.array(datasetFit).optional(),
  transforms: z.array(datasetStep),
  loader: datasetLoader,
});
export type DatasetProgram = z.infer<typeof datasetProgram>;
