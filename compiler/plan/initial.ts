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

/** A tensor as a file or a plan describes it. */
export interface TensorForm {
  /** In the language's words, or as a file says it where the language has no such type. */
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** Types whose every value the wider one has. */
const narrower: Readonly<Record<string, readonly string[]>> = {
  f32: ["f16", "bf16"],
  f64: ["f32", "f16", "bf16"],
  i32: ["u8"],
  i64: ["i32", "u8"],
};

/**
 * What a stored tensor needs to become a weight: nothing (`same`), resampling (`resize`), or it
 * cannot (`differs`). Types of which every value is exact in the weight's type are the same.
 */
export function fitOf(
  stored: TensorForm,
  weight: TensorForm,
  resize: Resizing | null,
): "same" | "resize" | "differs" {
  const exact =
    stored.dtype === weight.dtype || narrower[weight.dtype]?.includes(stored.dtype) === true;
  if (!exact || stored.shape.length !== weight.shape.length) return "differs";
  const other = weight.shape.flatMap((extent, axis) =>
    stored.shape[axis] === extent ? [] : [axis],
  );
  if (other.length === 0) return "same";
  const sized = stored.shape.every((extent) => extent > 0) && weight.dtype.startsWith("f");
  return sized && other.every((axis) => resize?.axes.includes(axis) === true)
    ? "resize"
    : "differs";
}
