/** What state begins with: initializers, and weights that come from files or from other weights. */

import { z } from "zod";

/** How a state tensor begins; random ones draw by (seed, path). */
export const initializer = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("constant"), value: z.number() }),
  z.strictObject({ kind: z.literal("uniform"), low: z.number(), high: z.number() }),
  z.strictObject({ kind: z.literal("normal"), mean: z.number(), std: z.number() }),
  /** Normal, redrawn outside of two standard deviations. */
  z.strictObject({ kind: z.literal("truncated_normal"), mean: z.number(), std: z.number() }),
  /**
   * As a matrix of the first axis against all others: orthonormal rows or columns, whichever are
   * fewer, times `gain` (Saxe et al., 2013).
   */
  z.strictObject({ kind: z.literal("orthogonal"), gain: z.number() }),
]);
export type Initializer = z.infer<typeof initializer>;

/** How a stored tensor of other extents is brought to a weight's, along some axes. */
export const resizing = z.strictObject({
  /** Between centres of elements, as PyTorch does without `align_corners`; cubic with a = -0.75. */
  mode: z.enum(["nearest", "linear", "bicubic"]),
  axes: z.array(z.number().int().min(0)),
});
export type Resizing = z.infer<typeof resizing>;

/** Where a weight comes from in place of its initializer, once, before the first update. */
export const weightSource = z.discriminatedUnion("kind", [
  /** The tensor `key` of a safetensors file. `keep`: without one the initializer stands. */
  z.strictObject({
    kind: z.literal("load"),
    /** Absolute. */
    file: z.string(),
    key: z.string(),
    missing: z.enum(["error", "keep"]),
    resize: resizing.nullable(),
    place: z.string(),
  }),
  /** What the weight at `of` begins with, and noise that is drawn by (seed, own path). */
  z.strictObject({ kind: z.literal("copy"), of: z.string(), noise: initializer.nullable() }),
  /** alpha * a + (1 - alpha) * b, where alpha is drawn once per weight from [low, high). */
  z.strictObject({
    kind: z.literal("blend"),
    a: z.string(),
    b: z.string(),
    alpha: z.strictObject({ low: z.number(), high: z.number() }),
  }),
]);
export type WeightSource = z.infer<typeof weightSource>;
