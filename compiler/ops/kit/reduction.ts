/** Reductions: shapes, and the way back from a reduced value. */

import type { GraphBuilder } from "../../ir/builder.js";
import type { Dim } from "../../ir/dim.js";
import type { Value } from "../../ir/graph.js";
import { attr } from "../define.js";

/** The attributes of a reduction over several axes: all of them by default. */
export const axesAttrs = { axes: attr.axes([]), keep: attr.bool(false) } as const;

/** The shape after a reduction: 1 in place of the axes, or without them. */
export function reducedShape(
  shape: readonly Dim[],
  { axes, keep }: { readonly axes: readonly number[]; readonly keep: boolean },
): readonly Dim[] {
  return keep
    ? shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
    : shape.filter((_, axis) => !axes.includes(axis));
}

/** Gives a reduced value the rank of `x` back, with extent 1 in place of the axes. */
export const keepAxes = (
  b: GraphBuilder,
  reduced: Value,
  x: Value,
  axes: readonly number[],
): Value => b.reshape(reduced, reducedShape(x.type.shape, { axes, keep: true }));

/** Repeats a reduced value over the axes it was reduced along. */
export const expandBack = (
  b: GraphBuilder,
  reduced: Value,
  x: Value,
  axes: readonly number[],
): Value => b.expand(keepAxes(b, reduced, x, axes), x.type.shape);
