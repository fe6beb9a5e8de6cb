/** Types of fields: as declared, where `_` is an extent that only the files tell, and what readers give. */

import type { TensorTypeNode, TypeNode } from "../../../grammar/ast.js";
import { wrongType } from "../../../grammar/diagnostics/types.js";
import { type Dim, namedDim, sameDim } from "../../ir/dim.js";
import type { DType, TensorType } from "../../ir/type.js";
import { type Frame, report } from "../frame.js";
import { typeOf } from "../ports.js";

/** An extent that only the files tell; it prints as it is written. */
export const rawDim: Dim = namedDim("_");

export const isRaw = (dim: Dim | undefined): boolean => dim !== undefined && sameDim(dim, rawDim);

/** Extents as the plan has them; `null` for those that only the files tell. */
export const planShape = (type: TensorType): (number | null)[] =>
  type.shape.map((dim) => (typeof dim === "number" ? dim : null));

/** A declared type: numbers and `_`; `null` after a report. */
export function fieldTypeOf(frame: Frame, node: TypeNode): TensorType | null {
  if (node.kind !== "tensor-type") return typeOf(frame, node, null);
  const dots = node.dims.find(({ kind }) => kind === "ellipsis");
  if (dots !== undefined) {
    const params = { what: "an extent of a field", expected: "a number or `_`", found: "`...`" };
    report(frame, wrongType, params, dots.span);
    return null;
  }
  const type = typeOf(frame, settled(node), null);
  if (type === null) return null;
  const raw = node.dims.map(({ kind }) => kind === "unknown");
  return { ...type, shape: type.shape.map((dim, axis) => (raw[axis] === true ? rawDim : dim)) };
}

/** The type with a size in the place of each `_`, so that the one reader of types reads it. */
const settled = (node: TensorTypeNode): TensorTypeNode => ({
  ...node,
  dims: node.dims.map((dim) =>
    dim.kind === "unknown"
      ? { ...dim, kind: "dim", size: { kind: "number", value: 1, integer: true, span: dim.span } }
      : dim,
  ),
});

/** Types a reader gives: a name stands for any extent, `null` for any shape. */
export interface TypePattern {
  readonly dtypes: readonly DType[];
  readonly shape: readonly (number | string)[] | null;
}

/** Whether a declared type is one of the pattern's; `_` may stand where any extent may. */
export const matchesPattern = (type: TensorType, { dtypes, shape }: TypePattern): boolean =>
  dtypes.includes(type.dtype) &&
  (shape === null
    ? type.shape.every(isExtent)
    : shape.length === type.shape.length &&
      shape.every((extent, axis) => {
        const dim = type.shape[axis] ?? rawDim;
        return typeof extent === "number" ? dim === extent : isExtent(dim);
      }));

const isExtent = (dim: Dim): boolean => isRaw(dim) || (typeof dim === "number" && dim >= 1);

/** `u8[C, H, W]`, or `f32[...]` for any shape; each way of it in backticks. */
export const printPatterns = (patterns: readonly TypePattern[]): string =>
  patterns
    .flatMap(({ dtypes, shape }) =>
      dtypes.map((dtype) => `\`${dtype}[${shape === null ? "..." : shape.join(", ")}]\``),
    )
    .join(" or ");
