/** Grids of overlapping square tiles over a picture. */

import type { TensorType } from "../../ir/type.js";
import { heightOf, type Problem, widthOf } from "./transform-form.js";

/** Tiles per row times rows of a picture; `null` while its size is not known. */
export function gridOf(type: TensorType, size: number, overlap: number): number | null {
  const counts = [heightOf(type), widthOf(type)].map((extent) =>
    typeof extent === "number" ? Math.floor((extent - overlap) / (size - overlap)) : null,
  );
  const [rows = null, columns = null] = counts;
  return rows === null || columns === null ? null : rows * columns;
}

/** Tiles advance, fit, and cover the picture to its last pixel. */
export function gridProblem(type: TensorType, size: number, overlap: number): Problem | null {
  if (overlap >= size)
    return { setting: "overlap", expected: `below the size of ${size}`, found: String(overlap) };
  for (const extent of [heightOf(type), widthOf(type)])
    if (
      typeof extent === "number" &&
      (extent < size || (extent - overlap) % (size - overlap) !== 0)
    )
      return {
        setting: "size",
        expected: `one whose tiles cover ${extent} pixels exactly`,
        found: `${size} with an overlap of ${overlap}`,
      };
  return null;
}
