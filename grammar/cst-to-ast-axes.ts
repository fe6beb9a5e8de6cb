/** The axes of `rearrange` and `einsum` to the AST. */

import type { CstNode } from "chevrotain";

import type { Axes, AxisItem } from "./ast.js";
import { nameOfToken, node, nodes, spanOfNode, token, type Conversion } from "./cst.js";
import { numberExpr } from "./literals.js";

/** `B (T N) 1 ...`; an axis that could not be read is left out. */
export function axesOf(c: Conversion, tree: CstNode): Axes {
  const items = nodes(tree, "axis").flatMap((axis) => {
    const item = axisOf(c, axis);
    return item === null ? [] : [item];
  });
  return { items, span: spanOfNode(c, tree, 0) };
}

function axisOf(c: Conversion, tree: CstNode): AxisItem | null {
  const span = spanOfNode(c, tree, 0);
  const name = token(tree, "Name") ?? token(tree, "Ellipsis");
  if (name !== null) return { kind: "axis", name: nameOfToken(c, name), span };
  const number = token(tree, "Number");
  if (number !== null) return { kind: "size", value: numberExpr(c, number).value, span };
  const axes = node(tree, "axes");
  return axes === null ? null : { kind: "axes", items: axesOf(c, axes).items, span };
}
