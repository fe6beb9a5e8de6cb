/** Walking a syntax tree without knowing its kinds. */

/** An object that may be a node or a part of one; source files, which every span holds, are none. */
export const isNode = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !("lineStarts" in value);
