/** Whether a stored tensor can become a weight, asked before a run and by it. */

import type { Resizing } from "./initial.js";

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
