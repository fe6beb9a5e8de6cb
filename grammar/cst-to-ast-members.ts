/** Concrete trees of the members of datasets, trains, variants and placements to the AST. */

import type { CstNode } from "chevrotain";

import type {
  Argument,
  AssignMember,
  DatasetMember,
  Entry,
  FitMember,
  FreezeMember,
  GPath,
  LossMember,
  MetricsMember,
  Name,
  PathRule,
  StageLine,
  StageMember,
  TrainMember,
  VariantMember,
} from "./ast.js";
import {
  broken,
  digitsName,
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
  assignmentOf,
  assignOf,
  guardIn,
  membersIn,
  ownedOf,
  valueIn,
} from "./cst-to-ast-blocks.js";
import {
  argumentsIn,
  binderIn,
  constOf,
  exprIn,
  letOf,
  optionalExprIn,
} from "./cst-to-ast-expressions.js";
import { globOf, typeIn } from "./cst-to-ast-types.js";
import { unexpectedToken } from "./diagnostics/syntax.js";

/** A line of a dataset. */
export function datasetMember(c: Conversion, tree: CstNode): DatasetMember | null {
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
        guard: guardIn(c, tree),
        doc: docAbove(c, tree),
        span,
      };
    case "fitMember": {
      const base = { kind: "fit" as const, name: nameIn(c, tree), value: valueIn(c, tree) };
      return { ...base, outputs: fitOutputsIn(c, tree), doc: docAbove(c, tree), span };
    }
    case "splitMember": {
      const by = token(tree, "Word_by") === null ? null : nameIn(c, tree);
      return { kind: "split", by, args: callIn(c, tree), entries: entriesIn(c, tree), span };
    }
    case "transformMember":
      return { kind: "transform", split: splitIn(c, tree), assigns: assignsIn(c, tree), span };
    case "loaderMember":
      return { kind: "loader", entries: entriesIn(c, tree), span };
  }
  return null;
}

/** `(lo: f32[M], hi: f32[M])` or one type. */
function fitOutputsIn(c: Conversion, tree: CstNode): FitMember["outputs"] {
  const outputs = nodes(tree, "fitOutput");
  if (token(tree, "LeftParen") === null) return [{ name: null, type: typeIn(c, tree) }];
  return outputs.map((output) => ({ name: nameIn(c, output), type: typeIn(c, output) }));
}

/** The arguments of a call among the children, or `null`. */
function callIn(c: Conversion, tree: CstNode): readonly Argument[] | null {
  const call = node(tree, "callArgs");
  return call === null ? null : argumentsIn(c, call);
}

/** A line of a variant: of the train, or of its dataset. */
export const variantMember = (c: Conversion, tree: CstNode): VariantMember | null =>
  trainMember(c, tree) ?? datasetMember(c, tree);

/** A line of a train. */
export function trainMember(c: Conversion, tree: CstNode): TrainMember | null {
  const span = spanOfNode(c, tree, 0);
  switch (tree.name) {
    case "entry":
      return entryOf(c, tree);
    case "lossMember":
      return lossOf(c, tree);
    case "metricsMember":
      return metricsOf(c, tree);
    case "stageMember":
      return stageOf(c, tree);
    case "objectiveMember":
      return { kind: "objective", condition: exprIn(c, tree), span };
    case "groupMember": {
      const where = token(tree, "Word_where") === null ? null : exprIn(c, tree);
      const chosenBy = { binder: binderIn(c, tree), globs: globsIn(c, tree), where };
      return { kind: "group", ...chosenBy, entries: entriesIn(c, tree), span };
    }
    case "initMember":
      return { kind: "init", rules: rulesIn(c, tree), span };
    case "predictMember": {
      const args = callIn(c, tree) ?? [];
      return { kind: "predict", name: splitIn(c, tree), args, assigns: assignsIn(c, tree), span };
    }
    case "freezeMember":
      return freezeOf(c, tree);
  }
  return null;
}

const freezeOf = (c: Conversion, tree: CstNode): FreezeMember => ({
  kind: token(tree, "Word_unfreeze") === null ? "freeze" : "unfreeze",
  globs: globsIn(c, tree),
  span: spanOfNode(c, tree, 0),
});

const lossOf = (c: Conversion, tree: CstNode): LossMember => ({
  kind: "loss",
  name: splitIn(c, tree),
  members: membersIn(c, tree, "lossLine", lossLine),
  span: spanOfNode(c, tree, 0),
});

function lossLine(c: Conversion, tree: CstNode): LossMember["members"][number] | null {
  switch (tree.name) {
    case "ownedMember":
      return ownedOf(c, tree);
    case "letMember":
      return letOf(c, tree);
    case "constDecl":
      return constOf(c, tree);
    case "assignOrUpdate":
      return assignmentOf(c, tree);
  }
  return null;
}

const metricsOf = (c: Conversion, tree: CstNode): MetricsMember => ({
  kind: "metrics",
  split: splitIn(c, tree),
  assigns: assignsIn(c, tree),
  span: spanOfNode(c, tree, 0),
});

function stageOf(c: Conversion, tree: CstNode): StageMember {
  const members = membersIn(c, tree, "stageLine", stageLine);
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

function stageLine(c: Conversion, tree: CstNode): StageLine | null {
  const span = spanOfNode(c, tree, 0);
  switch (tree.name) {
    case "entry":
      return entryOf(c, tree);
    case "freezeMember":
      return freezeOf(c, tree);
    case "restartMember":
      return { kind: "restart", what: nameIn(c, tree), span };
    case "lossMember":
      return lossOf(c, tree);
    case "metricsMember":
      return metricsOf(c, tree);
  }
  return null;
}

const globsIn = (c: Conversion, tree: CstNode): readonly GPath[] =>
  nodes(tree, "glob").map((glob) => globOf(c, glob));

/** The `path, path: value` rules among the children. */
export const rulesIn = (c: Conversion, tree: CstNode): readonly PathRule[] =>
  nodes(node(tree, "rules"), "rule").map((rule) => ({
    globs: [...nodes(rule, "ruleHead").map((head) => globOf(c, head)), ...globsIn(c, rule)],
    value: optionalExprIn(c, rule),
    span: spanOfNode(c, rule, 0),
  }));

const splitIn = (c: Conversion, tree: CstNode): Name | null =>
  token(tree, "Name") === null ? null : nameIn(c, tree);

const assignsIn = (c: Conversion, tree: CstNode): readonly AssignMember[] =>
  nodes(node(tree, "assigns"), "assign").map((assign) => assignOf(c, assign));

/** The `{ key: value }` among the children. */
export const entriesIn = (c: Conversion, tree: CstNode): readonly Entry[] =>
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
