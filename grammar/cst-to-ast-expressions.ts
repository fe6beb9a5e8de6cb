/** Concrete trees of expressions to the AST: pipes, operators by precedence, values. */

import type { CstNode } from "chevrotain";

import type {
  ApplyStep,
  Argument,
  Body,
  BrokenExpr,
  ConstDecl,
  EinopsStep,
  Expr,
  IfExpr,
  LetMember,
  RangeExpr,
  RepeatStep,
  ScanStep,
  Step,
  TPath,
  TPathSegment,
} from "./ast.js";
import {
  broken,
  brokenToken,
  descend,
  digitsName,
  docAbove,
  endOf,
  nameIn,
  nameOfToken,
  namesIn,
  node,
  nodes,
  reportAt,
  reportExpected,
  spanOfNode,
  spanOfToken,
  token,
  tokens,
  type Conversion,
} from "./cst.js";
import { axesOf } from "./cst-to-ast-axes.js";
import { notARange } from "./diagnostics/syntax.js";
import { at } from "./invariant.js";
import { numberExpr, quantityExpr, stringExpr } from "./literals.js";
import { combine, type Tail } from "./precedence.js";
import { joinSpans, type Span } from "./source.js";

/** The `expr` (or other value rule) among the children of `parent`, or a broken expression after it. */
export function exprIn(c: Conversion, parent: CstNode | null, rule = "expr", otherwise = 0): Expr {
  const tree = node(parent, rule);
  if (tree === null) return broken(c, endOf(c, parent, otherwise));
  return rule === "binary" ? binary(c, tree) : expr(c, tree);
}

/** The `expr` among the children, or `null`. */
export const optionalExprIn = (c: Conversion, parent: CstNode | null): Expr | null =>
  node(parent, "expr") === null ? null : exprIn(c, parent);

/** `= value` among the children, or `null`. */
export function defaultIn(c: Conversion, parent: CstNode): Expr | null {
  const tree = node(parent, "default");
  return tree === null ? null : exprIn(c, tree);
}

function expr(c: Conversion, tree: CstNode): Expr {
  const pipes = tokens(tree, "Pipe");
  return descend(c, pipes.length + 1, tree, () => {
    let value = exprIn(c, tree, "binary");
    const steps = nodes(tree, "step");
    for (const [i, pipe] of pipes.entries()) {
      const step = stepOf(c, steps[i] ?? null, spanOfToken(c, pipe).end);
      value = { kind: "pipe", input: value, step, span: joinSpans(value.span, step.span) };
    }
    return value;
  });
}

// Steps ----------------------------------------------------------------------------------------

function stepOf(c: Conversion, tree: CstNode | null, otherwise: number): Step {
  const span = spanOfNode(c, tree, otherwise);
  const path = node(tree, "path");
  const as = path === null ? null : pathIn(c, path);
  const reported = token(tree, "Reported");
  if (reported !== null) {
    const callee = brokenToken(c, reported);
    return { kind: "apply", callee, args: null, unused: false, as, span };
  }
  const einops = node(tree, "einops");
  if (einops !== null) return { ...einopsOf(c, einops), as, span };
  return { ...appliedOf(c, tree, otherwise), as };
}

/** `repeat …`, `each …`, `scan …` or a plain application, without its path. */
function appliedOf(c: Conversion, tree: CstNode | null, otherwise: number): Step {
  const span = spanOfNode(c, tree, otherwise);
  const unused = token(tree, "Word_unused") !== null;
  const bodyOf = (parent: CstNode): ApplyStep => ({
    ...applyOf(c, node(parent, "apply"), endOf(c, parent, otherwise)),
    unused,
  });
  const repeat = node(tree, "repeat");
  if (repeat !== null) {
    const binder = binderIn(c, repeat);
    const count = binder === null ? exprIn(c, repeat, "binary") : null;
    return { kind: "repeat", count, binder, body: bodyOf(repeat), as: null, span };
  }
  const each = node(tree, "each");
  if (each !== null)
    return { kind: "each", axis: nameIn(c, each), body: bodyOf(each), as: null, span };
  const scan = node(tree, "scan");
  if (scan !== null) {
    const bound = node(scan, "scanBinder");
    const binder = bound === null ? null : scanBinderOf(c, bound);
    const over = binder === null ? nameIn(c, scan) : null;
    return { kind: "scan", over, binder, body: bodyOf(scan), as: null, span };
  }
  return { ...applyOf(c, node(tree, "apply"), span.start), unused, span };
}

/** `(i in a .. b)` among the children, or `null`. */
export function binderIn(c: Conversion, parent: CstNode): RepeatStep["binder"] {
  const tree = node(parent, "binder");
  if (tree === null) return null;
  return { name: nameIn(c, tree), range: rangeIn(c, tree, "after `in`") };
}

/** `(t in list, axis: T)`; `axis` is its only setting. */
function scanBinderOf(c: Conversion, tree: CstNode): ScanStep["binder"] {
  const [setting] = settingsIn(c, tree);
  const given = setting?.name ?? null;
  const axis = setting?.value ?? null;
  if (given !== null && given.text !== "axis")
    reportExpected(c, given.text, "`axis`", null, given.span);
  else if (axis !== null && axis.kind !== "name" && axis.kind !== "broken")
    reportExpected(c, null, "the name of an axis", "an axis gets its name in a type", axis.span);
  const named = axis?.kind === "name" ? { text: axis.name, span: axis.span } : null;
  return { name: nameIn(c, tree), list: exprIn(c, tree), axis: named };
}

const settingsIn = (c: Conversion, tree: CstNode): readonly Argument[] =>
  nodes(tree, "setting").map((setting) => ({
    name: nameIn(c, setting),
    value: exprIn(c, setting),
    span: spanOfNode(c, setting, 0),
  }));

function einopsOf(c: Conversion, tree: CstNode): EinopsStep {
  const span = spanOfNode(c, tree, 0);
  const missing = { items: [], span: { ...span, start: span.end } };
  const output = node(node(tree, "output"), "axes");
  return {
    kind: token(tree, "Word_einsum") === null ? "rearrange" : "einsum",
    inputs: nodes(tree, "axes").map((axes) => axesOf(c, axes)),
    output: output === null ? missing : axesOf(c, output),
    sizes: settingsIn(c, tree),
    as: null,
    span,
  };
}

function applyOf(c: Conversion, tree: CstNode | null, otherwise: number): ApplyStep {
  const span = spanOfNode(c, tree, otherwise);
  let callee: Expr | null = null;
  for (const item of tokens(tree, "Name")) {
    const member = nameOfToken(c, item);
    callee =
      callee === null
        ? { kind: "name", name: member.text, span: member.span }
        : { kind: "member", object: callee, member, span: joinSpans(callee.span, member.span) };
  }
  const call = node(tree, "callArgs");
  const args = call === null ? null : argumentsIn(c, call);
  const found = callee ?? broken(c, span.start);
  return { kind: "apply", callee: found, args, unused: false, as: null, span };
}

/** The expression among the children, which has to be `a .. b`. */
export function rangeIn(c: Conversion, parent: CstNode, where: string, hint?: string): RangeExpr {
  const value = exprIn(c, parent);
  if (value.kind === "range") return value;
  if (value.kind !== "broken")
    reportAt(
      c,
      notARange,
      { where, hint: hint ?? "write `a .. b`; the end is excluded" },
      value.span,
    );
  return { kind: "range", from: brokenAt(value), to: null, span: value.span };
}

const brokenAt = (value: Expr): BrokenExpr => ({ kind: "broken", span: value.span });

/** `as conv1`, `as layer{i}.0` */
export function pathIn(c: Conversion, tree: CstNode): TPath {
  const segments: TPathSegment[] = [];
  const add = (segment: CstNode | null): void => {
    if (segment === null) return;
    const computed = node(segment, "computed");
    segments.push({
      text: token(segment, "Name")?.image ?? "",
      computed: computed === null ? null : exprIn(c, computed),
      span: spanOfNode(c, segment, 0),
    });
  };
  add(node(tree, "pathSegment"));
  for (const tail of nodes(tree, "pathTail")) {
    const digits = token(tail, "DotDigits");
    if (digits === null) add(node(tail, "pathSegment"));
    else segments.push({ ...digitsName(c, digits), computed: null });
  }
  return { segments, span: spanOfNode(c, tree, 0) };
}

// Operators ------------------------------------------------------------------------------------

function binary(c: Conversion, tree: CstNode): Expr {
  const tails = nodes(tree, "tail");
  const all = [node(tree, "operand"), ...tails.map((tail) => node(tail, "operand"))];
  const prefixes = all.map((operand) => tokens(operand, "Prefix"));
  const operators = tails.length + prefixes.reduce((sum, list) => sum + list.length, 0);
  if (operators === 0) return operandOf(c, at(all, 0), endOf(c, tree, 0));
  return descend(c, operators, tree, () => {
    const first = operandOf(c, at(all, 0), endOf(c, tree, 0));
    const rest = tails.map((tail, i): Tail => {
      const operator = token(tail, "Infix") ?? token(tail, "Range");
      const operand = all[i + 1] ?? null;
      const missing = operand === null && token(tail, "Range") !== null;
      const end = endOf(c, tail, 0);
      return {
        operator,
        prefixes: prefixes[i + 1] ?? [],
        operand: missing ? null : operandOf(c, operand, end),
      };
    });
    return combine(c, prefixes[0] ?? [], first, rest);
  });
}

function operandOf(c: Conversion, tree: CstNode | null, otherwise: number): Expr {
  const suffixes = nodes(tree, "suffix");
  const make = (): Expr => {
    const primary = node(tree, "primary");
    let value: Expr =
      primary === null ? broken(c, endOf(c, tree, otherwise)) : primaryOf(c, primary);
    for (const suffix of suffixes) value = suffixed(c, value, suffix);
    return value;
  };
  return tree === null || suffixes.length === 0 ? make() : descend(c, suffixes.length, tree, make);
}

function suffixed(c: Conversion, object: Expr, suffix: CstNode): Expr {
  const span = joinSpans(object.span, spanOfNode(c, suffix, object.span.end));
  const call = node(suffix, "callArgs");
  if (call !== null) return { kind: "call", callee: object, args: argumentsIn(c, call), span };
  if (token(suffix, "IndexBracket") !== null)
    return { kind: "index", object, index: exprIn(c, suffix), span };
  const digits = token(suffix, "DotDigits");
  if (digits !== null) {
    const member = digitsName(c, digits);
    return { kind: "member", object, member, span };
  }
  const segment = node(suffix, "segment");
  const computed = node(segment, "computed");
  const name = token(segment, "Name");
  if (computed !== null) {
    const value = exprIn(c, computed);
    return { kind: "computed-member", object, text: name?.image ?? "", computed: value, span };
  }
  const star = token(segment, "Wildcard") ?? token(segment, "Glob");
  const first = name ?? star;
  if (first === null) return { kind: "broken", span };
  const member = nameOfToken(c, first);
  if (name === null || star === null) return { kind: "member", object, member, span };
  const whole = { text: `${member.text}*`, span: joinSpans(member.span, spanOfToken(c, star)) };
  return { kind: "member", object, member: whole, span };
}

// Values ---------------------------------------------------------------------------------------

function primaryOf(c: Conversion, tree: CstNode): Expr {
  const span = spanOfNode(c, tree, 0);
  const group = node(tree, "group");
  if (group !== null) return groupOf(c, group);
  const list = node(tree, "list");
  if (list !== null) {
    const comprehension = node(list, "comprehension");
    if (comprehension !== null) return comprehensionOf(c, comprehension, span);
    return { kind: "list", items: nodes(list, "item").map((item) => itemOf(c, item)), span };
  }
  const choice = node(tree, "choice");
  if (choice !== null) return choiceOf(c, choice);
  const name = token(tree, "Name");
  if (name !== null) return { kind: "name", name: name.image, span };
  const number = token(tree, "Number");
  if (number !== null) return numberExpr(c, number);
  const quantity = token(tree, "Quantity");
  if (quantity !== null) return quantityExpr(c, quantity);
  const text = token(tree, "Text");
  if (text !== null) return stringExpr(c, text);
  if (token(tree, "Reserved_true") !== null) return { kind: "bool", value: true, span };
  if (token(tree, "Reserved_false") !== null) return { kind: "bool", value: false, span };
  const reported = token(tree, "Reported");
  return reported === null ? { kind: "broken", span } : brokenToken(c, reported);
}

/** `x` or `...xs` */
function itemOf(c: Conversion, tree: CstNode): Expr {
  const value = exprIn(c, tree);
  if (token(tree, "Ellipsis") === null) return value;
  return { kind: "spread", value, span: spanOfNode(c, tree, value.span.start) };
}

function comprehensionOf(c: Conversion, tree: CstNode, span: Span): Expr {
  const guard = node(tree, "guard");
  return {
    kind: "comprehension",
    name: nameIn(c, tree),
    range: exprIn(c, tree, "binary"),
    condition: guard === null ? null : exprIn(c, guard),
    value: exprIn(c, tree),
    span,
  };
}

/** `(a)` groups; `(a, b)` and `(a: x)` are tuples. */
function groupOf(c: Conversion, tree: CstNode): Expr {
  const items = argumentsIn(c, tree);
  const [only] = items;
  const span = spanOfNode(c, tree, 0);
  if (only === undefined) return { kind: "broken", span };
  // Parentheses belong to the place of what they hold, so that places around it end where it does.
  return items.length === 1 && only.name === null
    ? { ...only.value, span }
    : { kind: "tuple", items, span };
}

/** The arguments among the children of a call. */
export const argumentsIn = (c: Conversion, tree: CstNode): readonly Argument[] =>
  nodes(tree, "argument").map((argument) => ({
    name: token(argument, "Name") === null ? null : nameIn(c, argument),
    value: exprIn(c, argument),
    span: spanOfNode(c, argument, 0),
  }));

/** An `else if` becomes a body whose value is the next `if`. */
function choiceOf(c: Conversion, tree: CstNode): Expr {
  const branches = nodes(tree, "branch");
  return descend(c, branches.length, tree, () => {
    const span = spanOfNode(c, tree, 0);
    let otherwise = bodyIn(c, tree);
    for (const branch of branches.toReversed()) {
      const own = spanOfNode(c, branch, span.start);
      const value: IfExpr = {
        kind: "if",
        condition: exprIn(c, branch),
        // oxlint-disable-next-line unicorn/no-thenable -- a plain node that is never awaited
        then: bodyIn(c, branch),
        otherwise,
        span: { ...own, end: Math.max(own.end, otherwise.span.end) },
      };
      otherwise = { lets: [], value, span: value.span };
    }
    return otherwise.value;
  });
}

/** The `{ let … value }` among the children. */
export function bodyIn(c: Conversion, parent: CstNode): Body {
  const tree = node(parent, "body");
  const span = spanOfNode(c, tree, endOf(c, parent, 0));
  const members = [...nodes(tree, "letMember"), ...nodes(tree, "constDecl")];
  const lets = members
    .map((member) => (member.name === "letMember" ? letOf(c, member) : constOf(c, member)))
    .sort((a, b) => a.span.start - b.span.start);
  return { lets, value: exprIn(c, tree, "expr", span.end), span };
}

/** `let a, b = expr`. */
export const letOf = (c: Conversion, tree: CstNode): LetMember => ({
  kind: "let",
  names: namesIn(c, tree),
  value: exprIn(c, tree),
  span: spanOfNode(c, tree, 0),
});

/** `const N = expr`, with the doc lines above it. */
export const constOf = (c: Conversion, tree: CstNode): ConstDecl => ({
  kind: "const",
  name: nameIn(c, tree),
  value: exprIn(c, tree),
  doc: docAbove(c, tree),
  span: spanOfNode(c, tree, 0),
});
