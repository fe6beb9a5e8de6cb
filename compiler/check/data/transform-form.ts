/** What a transform is to the checker, and what rows of its table share. */

import type { Formal } from "../../../grammar/ast.js";
import type { Dim } from "../../ir/dim.js";
import type { TensorType } from "../../ir/type.js";
import type { TransformOp } from "../../plan/transform-op.js";
import type { BoundCall, Limit } from "./data-call.js";

/** One transform: a row of the table. */
export interface TransformForm {
  readonly formals: readonly Formal[];
  readonly limits?: Readonly<Record<string, Limit>>;
  /** What it takes, in words. */
  readonly takes: string;
  /**
   * `fixed`: moves the pixels of every record alike, so that labels of the picture follow by
   * themselves; `drawn`: at random, so that they must move under the same draw.
   */
  readonly moves?: "fixed" | "drawn";
  readonly problem?: (type: TensorType, call: BoundCall) => Problem | null;
  /** The field's type after the step; `null` when the step does not take it. */
  readonly result: (type: TensorType, call: BoundCall) => TensorType | null;
  readonly make: (type: TensorType, call: BoundCall) => TransformOp;
}

/** A setting that does not fit the field's type. */
export interface Problem {
  readonly setting: string;
  readonly expected: string;
  readonly found: string;
}

/** Pixels: channels, rows and columns are the last three axes. */
export const isImage = ({ shape, dtype }: TensorType): boolean =>
  shape.length >= 3 && (dtype === "u8" || dtype === "f32");
/** Masks by class, rows and columns. */
export const isMask = ({ shape, dtype }: TensorType): boolean =>
  shape.length === 3 && dtype === "bool";
/** Takes what has pixels and leaves its type. */
export const moved = (type: TensorType): TensorType | null =>
  isImage(type) || isMask(type) ? type : null;
/** Takes a `u8` image and leaves its type. */
export const bytes = (type: TensorType): TensorType | null =>
  type.dtype === "u8" && isImage(type) ? type : null;

/** What most transforms take, in words. */
export const anyImage = "an image, `u8[C, H, W]` or `f32[C, H, W]`";
/** The same, before any arithmetic. */
export const byteImage = "an image `u8[C, H, W]`";

/** The same type with other last two extents. */
export const sized = (type: TensorType, height: Dim, width: Dim): TensorType => ({
  ...type,
  shape: [...type.shape.slice(0, -2), height, width],
});

/** Rows of a picture. */
export const heightOf = ({ shape }: TensorType): Dim => shape.at(-2) ?? 0;
/** Columns of a picture. */
export const widthOf = ({ shape }: TensorType): Dim => shape.at(-1) ?? 0;

/** `size` must fit an extent, where that is known. */
export const fits = (setting: string, size: number, extent: Dim, from = 0): Problem | null =>
  typeof extent !== "number" || from + size <= extent
    ? null
    : {
        setting,
        expected: `at most ${extent - from}${from === 0 ? "" : ` from ${from} on`}`,
        found: String(size),
      };

/** Two limits of a range. */
export const pairOf = ([low = 0, high = 0]: readonly number[]): [number, number] => [low, high];

/** The smaller limit stands first. */
export const ordered = (setting: string, values: readonly number[]): Problem | null => {
  const [low, high] = pairOf(values);
  return low <= high
    ? null
    : { setting, expected: "the smaller number first", found: `[${values.join(", ")}]` };
};
