/** Concrete trees of the members of blocks, optimizers and metrics to the AST. */

import type { CstNode } from "chevrotain";

import type {
  AssignMember,
  BlockMember,
  Expr,
  MetricMember,
  OptimizerMember,
  Owned,
  Port,
  UpdateMember,
} from "./ast.js";
import {
  broken,
  chosen,
  docAbove,
  nameIn,
  namesIn,
  node,
  nodes,
  spanOfNode,
  token,
  type Conversion,
} from "./cst.js";
import { constOf, defaultIn, exprIn, letOf, pathIn } from "./cst-to-ast-expressions.js";
import { typeIn } from "./cst-to-ast-types.js";

/** The members under one choosing rule, in order. */
export function membersIn<T>(
  c: Conversion,
  tree: CstNode,
  rule: string,
  make: (c: Conversion, member: CstNode) => T | null,
): readonly T[] {
  return nodes(tree, rule).flatMap((wrapper) => {
    const member = chosen(wrapper);
    const made = member === null ? null : make(c, member);
    return made === null ? [] : [made];
  });
}

/** A line of a block. */
export function blockMember(c: Conversion, tree: CstNode): BlockMember | null {
  switch (tree.name) {
    case "port":
      return portOf(c, tree);
    case "ownedMember":
      return ownedOf(c, tree);
    case "letMember":
      return letOf(c, tree);
    case "constDecl":
      return constOf(c, tree);
    case "assignOrUpdate":
      return assignmentOf(c, tree);
    case "tapMember": {
      const value = valueIn(c, tree);
      return { kind: "tap", name: nameIn(c, tree), value, span: spanOfNode(c, tree, 0) };
    }
  }
  return null;
}

/** A line of a metric. */
export function metricMember(c: Conversion, tree: CstNode): MetricMember | null {
  switch (tree.name) {
    case "port":
      return portOf(c, tree);
    case "accumulator":
      return {
        kind: "accumulator",
        reduction:
          token(tree, "Word_sum") !== null
            ? "sum"
            : token(tree, "Word_min") !== null
              ? "min"
              : "max",
        name: nameIn(c, tree),
        type: typeIn(c, tree),
        value: valueIn(c, tree),
        span: spanOfNode(c, tree, 0),
      };
    case "letMember":
      return letOf(c, tree);
    case "constDecl":
      return constOf(c, tree);
    case "assign":
      return assignOf(c, tree);
  }
  return null;
}

/** `= value` among the children, or a broken expression after them. */
export const valueIn = (c: Conversion, tree: CstNode): Expr =>
  defaultIn(c, tree) ?? broken(c, spanOfNode(c, tree, 0).end);

const portOf = (c: Conversion, tree: CstNode): Port => ({
  kind: "port",
  direction: token(tree, "Word_in") === null ? "out" : "in",
  name: nameIn(c, tree),
  type: typeIn(c, tree),
  value: defaultIn(c, tree),
  guard: guardIn(c, tree),
  doc: docAbove(c, tree),
  span: spanOfNode(c, tree, 0),
});

/** `weight`, `state` or `carry`. */
export const ownedOf = (c: Conversion, tree: CstNode): Owned => ({
  kind: "owned",
  role: roleIn(tree),
  unused: token(tree, "Word_unused") !== null,
  name: nameIn(c, tree),
  type: typeIn(c, tree),
  value: exprIn(c, tree, "binary"),
  as: asIn(c, tree),
  guard: guardIn(c, tree),
  doc: docAbove(c, tree),
  span: spanOfNode(c, tree, 0),
});

function roleIn(tree: CstNode): Owned["role"] {
  if (token(tree, "Word_state") !== null) return "state";
  return token(tree, "Word_carry") === null ? "weight" : "carry";
}

/** A line of an optimizer, other than its `in`. */
export function optimizerMember(c: Conversion, tree: CstNode): OptimizerMember | null {
  switch (tree.name) {
    case "slotMember":
      return {
        kind: "slot",
        name: nameIn(c, tree),
        type: token(tree, "Colon") === null ? null : typeIn(c, tree),
        value: exprIn(c, tree, "binary"),
        as: asIn(c, tree),
        guard: guardIn(c, tree),
        span: spanOfNode(c, tree, 0),
      };
    case "letMember":
      return letOf(c, tree);
    case "update":
      return updateOf(c, tree);
  }
  return null;
}

function asIn(c: Conversion, tree: CstNode): Owned["as"] {
  const path = node(tree, "path");
  return path === null ? null : pathIn(c, path);
}

/** `if condition` among the children, or `null`. */
export function guardIn(c: Conversion, tree: CstNode): Owned["guard"] {
  const guard = node(tree, "guard");
  return guard === null ? null : exprIn(c, guard);
}

/** `a, b = expr`. */
export const assignOf = (c: Conversion, tree: CstNode): AssignMember => ({
  kind: "assign",
  names: [...namesIn(c, tree, "TargetName"), ...namesIn(c, tree)],
  value: exprIn(c, tree),
  span: spanOfNode(c, tree, 0),
});

/** `a, b = expr` or `n <- expr`. */
export const assignmentOf = (c: Conversion, tree: CstNode): AssignMember | UpdateMember =>
  token(tree, "LeftArrow") === null ? assignOf(c, tree) : updateOf(c, tree);

const updateOf = (c: Conversion, tree: CstNode): UpdateMember => ({
  kind: "update",
  name: nameIn(c, tree, "TargetName"),
  value: exprIn(c, tree),
  span: spanOfNode(c, tree, 0),
});
