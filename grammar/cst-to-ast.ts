/** Concrete trees of declarations to the AST. Missing parts give partial nodes. */

import type { CstNode } from "chevrotain";

import type {
  Declaration,
  Formal,
  ImportDecl,
  MetricDecl,
  Name,
  OptimizerDecl,
  StringExpr,
  VariantDecl,
} from "./ast.js";
import {
  broken,
  chosen,
  docAbove,
  nameIn,
  namesIn,
  node,
  nodes,
  reportAt,
  reportExpected,
  spanOfNode,
  token,
  type Conversion,
} from "./cst.js";
import { blockMember, membersIn, metricMember, optimizerMember } from "./cst-to-ast-blocks.js";
import { bodyIn, constOf, defaultIn, exprIn } from "./cst-to-ast-expressions.js";
import {
  datasetMember,
  entriesIn,
  rulesIn,
  trainMember,
  variantMember,
} from "./cst-to-ast-members.js";
import { typeIn } from "./cst-to-ast-types.js";
import { missingOptimizerInputs } from "./diagnostics/syntax.js";
import { InvariantError } from "./invariant.js";
import { stringExpr } from "./literals.js";

/** The declaration in a `declaration` tree, or `null` where not even its first word was read. */
export function declarationOf(c: Conversion, root: CstNode): Declaration | null {
  const tree = chosen(root);
  if (tree === null) return null;
  const base = { doc: docAbove(c, tree), span: spanOfNode(c, tree, 0) };
  switch (tree.name) {
    case "importDecl":
      return { ...importOf(c, tree), ...base };
    case "constDecl":
      return constOf(c, tree);
    case "expectDecl":
      return { kind: "expect", condition: exprIn(c, tree), ...base };
  }
  const named = { ...base, name: nameIn(c, tree) };
  switch (tree.name) {
    case "paramDecl": {
      const bounds = node(tree, "bounds");
      const range = bounds === null ? null : exprIn(c, bounds);
      return { kind: "param", type: typeIn(c, tree), value: defaultIn(c, tree), range, ...named };
    }
    case "fnDecl": {
      const value = defaultIn(c, tree);
      const body = value === null ? bodyIn(c, tree) : { lets: [], value, span: value.span };
      return { kind: "fn", formals: formalsIn(c, tree), body, ...named };
    }
    case "blockDecl": {
      const members = membersIn(c, tree, "blockMember", blockMember);
      return { kind: "block", formals: formalsIn(c, tree), members, ...named };
    }
    case "optimizerDecl":
      return optimizerOf(c, tree, named);
    case "scheduleDecl": {
      const value = exprIn(c, node(tree, "default"), "expr", named.span.end);
      return { kind: "schedule", formals: formalsIn(c, tree), value, ...named };
    }
    case "datasetDecl":
      return {
        kind: "dataset",
        members: membersIn(c, tree, "datasetMember", datasetMember),
        ...named,
      };
    case "trainDecl":
      return { kind: "train", members: membersIn(c, tree, "trainMember", trainMember), ...named };
    case "metricDecl":
      return metricOf(c, tree, named);
    case "meshDecl":
      return { kind: "mesh", axes: entriesIn(c, tree), ...named };
    case "shardDecl": {
      const on = secondName(c, tree);
      return { kind: "shard", on, rules: rulesIn(c, tree), ...named };
    }
    case "variantDecl":
      return variantOf(c, tree, named);
    case "sweepDecl":
      return { kind: "sweep", over: secondName(c, tree), entries: entriesIn(c, tree), ...named };
    case "exportDecl": {
      const file = stringIn(c, tree);
      return { kind: "export", file, entries: entriesIn(c, tree), ...named };
    }
  }
  throw new InvariantError(`no declaration is made from ${tree.name}`);
}

/** Unreadable module names are empty strings, which have been reported. */
function importOf(c: Conversion, tree: CstNode): Omit<ImportDecl, "doc" | "span"> {
  const from = stringIn(c, tree);
  const names = namesIn(c, tree);
  if (token(tree, "LeftBrace") !== null) return { kind: "import", names, alias: null, from };
  return { kind: "import", names: null, alias: names[0] ?? null, from };
}

function stringIn(c: Conversion, tree: CstNode): StringExpr {
  const text = token(tree, "Text");
  if (text !== null) return stringExpr(c, text);
  return { kind: "string", value: "", span: broken(c, spanOfNode(c, tree, 0).end).span };
}

/** The name after `on`, `over` or `of`; without one its text is empty. */
function secondName(c: Conversion, tree: CstNode, index = 1): Name {
  const end = spanOfNode(c, tree, 0).end;
  return namesIn(c, tree)[index] ?? { text: "", span: { source: c.source, start: end, end } };
}

/** What declarations with a name share. */
type Named = Pick<OptimizerDecl, "name" | "doc" | "span">;

function metricOf(c: Conversion, tree: CstNode, named: Named): MetricDecl {
  const direction = token(tree, "Word_better") === null ? null : secondName(c, tree);
  const better = direction?.text === "max" || direction?.text === "min" ? direction.text : null;
  if (direction !== null && better === null && direction.text !== "")
    reportExpected(c, direction.text, "`max` or `min`", null, direction.span);
  const members = membersIn(c, tree, "metricMember", metricMember);
  return { kind: "metric", formals: formalsIn(c, tree), better, members, ...named };
}

function variantOf(c: Conversion, tree: CstNode, named: Named): VariantDecl {
  const text = token(tree, "Text");
  const members = membersIn(c, tree, "variantMember", variantMember);
  if (text === null)
    return { kind: "variant", quoted: false, of: secondName(c, tree), members, ...named };
  const { value, span } = stringExpr(c, text);
  const of = secondName(c, tree, 0);
  return { kind: "variant", ...named, name: { text: value, span }, quoted: true, of, members };
}

function optimizerOf(c: Conversion, tree: CstNode, named: Named): OptimizerDecl {
  const members = membersIn(c, tree, "optimizerMember", optimizerMember);
  const inputs = nodes(tree, "optimizerMember").flatMap((member) =>
    nodes(member, "optimizerInputs"),
  )[0];
  if (inputs === undefined && token(tree, "LeftBrace") !== null)
    reportAt(c, missingOptimizerInputs, { name: named.name.text }, named.name.span);
  const [parameter = emptyName(named.name), gradient = emptyName(named.name)] =
    inputs === undefined ? [] : namesIn(c, inputs);
  const formals = formalsIn(c, tree);
  return { kind: "optimizer", formals, parameter, gradient, members, ...named };
}

const emptyName = ({ span }: Name): Name => ({ text: "", span: { ...span, start: span.end } });

const formalsIn = (c: Conversion, tree: CstNode): readonly Formal[] =>
  nodes(node(tree, "formals"), "formal").map((formal) => ({
    name: nameIn(c, formal),
    type: token(formal, "Colon") === null ? null : typeIn(c, formal),
    value: defaultIn(c, formal),
    span: spanOfNode(c, formal, 0),
  }));
