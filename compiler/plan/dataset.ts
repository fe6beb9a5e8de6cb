/**
 * The data program of every dataset that checks: what `data.ts` holds, and the sources, readers,
 * transforms, splits and fits that are checked and not yet carried out. What the runtime learns
 * moves from here to `data.ts`; it parses plans by the latter, so that nothing else reaches it.
 */

import { z } from "zod";
import {
  dataField,
  dataProgram,
  fieldReader,
  plainSource,
  template,
  type TransformOp,
} from "./data.js";

const positive = z.number().int().positive();
const share = z.number().min(0).max(1);

/** Where the program said so, as `file:line:col`, for messages about data. */
const place = z.string();

/** A source that is one place in the file system. */
const plainSourceForm = z.discriminatedUnion("kind", [
  ...plainSource.options,
  /**
   * `root/<group>/<t>.*`: a folder per group whose name fits `group`, frames ordered by name. The
   * signed number at the end of a frame's name is its offset in seconds.
   */
  z.strictObject({ kind: z.literal("frames"), root: z.string(), group: z.string(), place }),
  z.strictObject({ kind: z.literal("parquet"), file: z.string(), root: z.string(), place }),
  z.strictObject({ kind: z.literal("pickle"), file: z.string(), place }),
  /** A record per file that fits the pattern, in code-unit order. */
  z.strictObject({ kind: z.literal("images"), pattern: z.string(), place }),
  z.strictObject({ kind: z.literal("geotiff"), pattern: z.string(), place }),
]);

/** Records of several sources joined, or one after the other. */
export type DatasetSource =
  | z.infer<typeof plainSourceForm>
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
    plainSourceForm,
    z.strictObject({
      kind: z.literal("zip"),
      by: z.string().nullable(),
      parts: z.array(z.strictObject({ name: z.string().nullable(), source: datasetSource })).min(2),
      place,
    }),
    z.strictObject({ kind: z.literal("concat"), parts: z.array(datasetSource).min(2), place }),
  ]),
);

export const datasetReader = z.discriminatedUnion("kind", [
  ...fieldReader.options,
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
]);
export type DatasetReader = z.infer<typeof datasetReader>;

export type DatasetOp = TransformOp;

const datasetField = z.strictObject({ ...dataField.shape, reader: datasetReader });

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
  loader: datasetLoader,
});
export type DatasetProgram = z.infer<typeof datasetProgram>;
