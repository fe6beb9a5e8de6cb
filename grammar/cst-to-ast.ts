/** Concrete trees of declarations and members to the AST. Missing parts give partial nodes. */

import type { CstNode } from "chevrotain";

import type {
  AssignMember,
  BlockMember,
  DatasetMember,
  Declaration,
  Entry,
  Formal,
  FreezeMember,
  GPath,
  ImportDecl,
  Name,
  OptimizerDecl,
  OptimizerMember,
  Owned,
  StageMember,
  TrainMember,
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
  reportAt,
  spanOfNode,
  token,
  type Conversion,
} from "./cst.js";
import {
  bodyIn,
  constOf,
  digitsName,
  defaultIn,
  exprIn,
  letOf,
  optionalExprIn,
  pathIn,
} from "./cst-to-ast-expressions.js";
import { globOf, typeIn } from "./cst-to-ast-types.js";
import { missingOptimizerInputs, unexpectedToken } from "./diagnostics/syntax.js";
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
  }
  throw new InvariantError(`no declaration is made from ${tree.name}`);
}

/** Unreadable module names are empty strings, which have been reported. */
function importOf(c: Conversion, tree: CstNode): Omit<ImportDecl, "doc" | "span"> {
  const text = token(tree, "Text");
  const end = spanOfNode(c, tree, 0).end;
  const from =
    text === null
      ? { kind: "string" as const, value: "", span: broken(c, end).span }
      : stringExpr(c, text);
  const names = namesIn(c, tree);
  if (token(tree, "LeftBrace") !== null) return { kind: "import", names, alias: null, from };
  return { kind: "import", names: null, alias: names[0] ?? null, from };
}

function optimizerOf(
  c: Conversion,
  tree: CstNode,
  named: Pick<OptimizerDecl, "name" | "doc" | "span">,
): OptimizerDecl {
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

// Members --------------------------------------------------------------------------------------

function membersIn<T>(
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

function blockMember(c: Conversion, tree: CstNode): BlockMember | null {
  switch (tree.name) {
    case "port":
      return {
        kind: "port",
        direction: token(tree, "Word_in") === null ? "out" : "in",
        name: nameIn(c, tree),
        type: typeIn(c, tree),
        value: defaultIn(c, tree),
        guard: guardIn(c, tree),
        doc: docAbove(c, tree),
        span: spanOfNode(c, tree, 0),
      };
    case "ownedMember":
      return ownedOf(c, tree);
    case "letMember":
      return letOf(c, tree);
    case "constDecl":
      return constOf(c, tree);
    case "assignOrUpdate":
      return token(tree, "LeftArrow") === null ? assignOf(c, tree) : updateOf(c, tree);
  }
  return null;
}

const ownedOf = (c: Conversion, tree: CstNode): Owned => ({
  kind: "owned",
  role: token(tree, "Word_state") === null ? "weight" : "state",
  unused: token(tree, "Word_unused") !== null,
  name: nameIn(c, tree),
  type: typeIn(c, tree),
  value: exprIn(c, tree, "binary"),
  as: asIn(c, tree),
  guard: guardIn(c, tree),
  doc: docAbove(c, tree),
  span: spanOfNode(c, tree, 0),
});

function optimizerMember(c: Conversion, tree: CstNode): OptimizerMember | null {
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

function guardIn(c: Conversion, tree: CstNode): Owned["guard"] {
  const guard = node(tree, "guard");
  return guard === null ? null : exprIn(c, guard);
}

const assignOf = (c: Conversion, tree: CstNode): AssignMember => ({
  kind: "assign",
  names: [...namesIn(c, tree, "TargetName"), ...namesIn(c, tree)],
  value: exprIn(c, tree),
  span: spanOfNode(c, tree, 0),
});

const updateOf = (c: Conversion, tree: CstNode): UpdateMember => ({
  kind: "update",
  name: nameIn(c, tree, "TargetName"),
  value: exprIn(c, tree),
  span: spanOfNode(c, tree, 0),
});

function datasetMember(c: Conversion, tree: CstNode): DatasetMember | null {
  const span = spanOfNode(c, tree, 0);
  switch (tree.name) {
    case "entry":
      return entryOf(c, tree);
    case "fieldMember":
      return {
        kind: "field",
        name: nameIn(c, tree),
        reader: exprIn(c, tree),
        type: typeIn(c, tree),
        doc: docAbove(c, tree),
        span,
      };
    case "splitMember": {
      const by = token(tree, "Word_by") === null ? null : nameIn(c, tree);
      return { kind: "split", by, entries: entriesIn(c, tree), span };
    }
    case "transformMember":
      return { kind: "transform", split: splitIn(c, tree), assigns: assignsIn(c, tree), span };
    case "loaderMember":
      return { kind: "loader", entries: entriesIn(c, tree), span };
  }
  return null;
}

function trainMember(c: Conversion, tree: CstNode): TrainMember | null {
  const span = spanOfNode(c, tree, 0);
  switch (tree.name) {
    case "entry":
      return entryOf(c, tree);
    case "lossMember":
      return { kind: "loss", assigns: assignsIn(c, tree), span };
    case "metricsMember":
      return { kind: "metrics", split: splitIn(c, tree), assigns: assignsIn(c, tree), span };
    case "stageMember":
      return stageOf(c, tree);
    case "objectiveMember":
      return { kind: "objective", condition: exprIn(c, tree), span };
  }
  return null;
}

function stageOf(c: Conversion, tree: CstNode): StageMember {
  const members = [...nodes(tree, "freezeMember"), ...nodes(tree, "entry")]
    .map((member) => (member.name === "entry" ? entryOf(c, member) : freezeOf(c, member)))
    .sort((a, b) => a.span.start - b.span.start);
  const span = spanOfNode(c, tree, 0);
  const name = nameIn(c, tree);
  if (token(tree, "Word_for") === null && token(tree, "LeftBrace") !== null) {
    const hint = `write \`stage ${name.text} for 2 epochs { … }\``;
    const params = { found: null, after: name.text, expected: "`for` and a duration", hint };
    reportAt(c, unexpectedToken, params, { ...name.span, start: name.span.end });
    return { kind: "stage", name, duration: broken(c, name.span.end), members, span };
  }
  return { kind: "stage", name, duration: exprIn(c, tree), members, span };
}

const freezeOf = (c: Conversion, tree: CstNode): FreezeMember => ({
  kind: token(tree, "Word_unfreeze") === null ? "freeze" : "unfreeze",
  globs: nodes(tree, "glob").map((glob): GPath => globOf(c, glob)),
  span: spanOfNode(c, tree, 0),
});

const splitIn = (c: Conversion, tree: CstNode): Name | null =>
  token(tree, "Name") === null ? null : nameIn(c, tree);

const assignsIn = (c: Conversion, tree: CstNode): readonly AssignMember[] =>
  nodes(node(tree, "assigns"), "assign").map((assign) => assignOf(c, assign));

const entriesIn = (c: Conversion, tree: CstNode): readonly Entry[] =>
  nodes(node(tree, "entries"), "entry").map((entry) => entryOf(c, entry));

function entryOf(c: Conversion, tree: CstNode): Entry {
  const key = namesIn(c, tree, "KeyName").concat(
    nodes(tree, "keySegment").map((segment) => {
      const digits = token(segment, "DotDigits");
      return digits === null ? nameIn(c, segment) : digitsName(c, digits);
    }),
  );
  return { kind: "entry", key, value: optionalExprIn(c, tree), span: spanOfNode(c, tree, 0) };
}
