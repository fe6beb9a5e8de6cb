/** Concrete trees of types and globs to the AST. */

import type { CstNode } from "chevrotain";

import type { DimNode, GPath, GPathSegment, TypeNode } from "./ast.js";
import {
  digitsName,
  endOf,
  nameIn,
  nameOfToken,
  node,
  nodes,
  reportAt,
  spanOfNode,
  spanOfToken,
  token,
  type Conversion,
} from "./cst.js";
import { exprIn } from "./cst-to-ast-expressions.js";
import {
  listAmongTypes,
  notARange,
  tensorAmongTypes,
  unexpectedToken,
} from "./diagnostics/syntax.js";

/** With brackets these are settings of fixed length; any other name is a tensor's dtype. */
const SETTING_TYPES: ReadonlySet<string> = new Set([
  "int",
  "float",
  "string",
  "path",
  "dim",
  "duration",
  "init",
  "weights",
  "block",
]);

/** The type among the children; one that could not be read has no alternatives. */
export function typeIn(c: Conversion, parent: CstNode): TypeNode {
  const tree = node(parent, "type");
  const span = spanOfNode(c, tree, endOf(c, parent, 0));
  if (tree !== null && token(tree, "LeftBracket") !== null) {
    const length = node(tree, "expr") === null ? null : exprIn(c, tree);
    return { kind: "list-type", item: typeIn(c, tree), length, span };
  }
  const alternatives = nodes(tree, "alternative");
  const [only] = alternatives;
  if (alternatives.length === 1 && only !== undefined && isTensor(only)) {
    const dims = nodes(node(only, "dimensions"), "dimension").map((dim) => dimension(c, dim));
    return { kind: "tensor-type", dtype: nameIn(c, only), dims, span };
  }
  return {
    kind: "setting-type",
    alternatives: alternatives.map((alternative) => {
      if (isTensor(alternative)) {
        const { text } = nameIn(c, alternative);
        const place = spanOfNode(c, alternative, 0);
        const empty = nodes(node(alternative, "dimensions"), "dimension").length === 0;
        if (empty && SETTING_TYPES.has(text)) reportAt(c, listAmongTypes, { type: text }, place);
        else reportAt(c, tensorAmongTypes, { dtype: text }, place);
      }
      const length = nodes(node(alternative, "dimensions"), "dimension")[0];
      return {
        name: nameIn(c, alternative),
        length: length === undefined ? null : exprIn(c, length),
      };
    }),
    span,
  };
}

function isTensor(alternative: CstNode): boolean {
  const dimensions = node(alternative, "dimensions");
  if (dimensions === null) return false;
  const setting = SETTING_TYPES.has(token(alternative, "Name")?.image ?? "");
  return !setting || nodes(dimensions, "dimension").length !== 1;
}

function dimension(c: Conversion, tree: CstNode): DimNode {
  const span = spanOfNode(c, tree, 0);
  if (token(tree, "Ellipsis") !== null) return { kind: "ellipsis", axis: null, size: null, span };
  const axis = token(tree, "Name") === null ? null : nameIn(c, tree);
  const size = exprIn(c, tree);
  if (size.kind === "name" && size.name === "_") return { kind: "unknown", axis, size: null, span };
  return { kind: "dim", axis, size, span };
}

/** `model.layers[0 .. 4].bn*`, `model.blocks.{i}.**` */
export function globOf(c: Conversion, tree: CstNode): GPath {
  const first = nameIn(c, tree, token(tree, "Name") === null ? "KeyName" : "Name");
  const segments: GPathSegment[] = [{ ...PLAIN, text: first.text, span: first.span }];
  for (const segment of nodes(tree, "globSegment")) {
    if (token(segment, "IndexBracket") !== null) {
      const last = segments.pop();
      if (last === undefined) continue;
      const end = endOf(c, segment, last.span.end);
      segments.push({ ...last, ...indexOf(c, segment), span: { ...last.span, end } });
      continue;
    }
    const digits = token(segment, "DotDigits");
    if (digits !== null) segments.push({ ...PLAIN, ...digitsName(c, digits) });
    else segments.push({ ...PLAIN, ...namedSegment(c, segment) });
  }
  return { segments, span: spanOfNode(c, tree, first.span.start) };
}

const PLAIN = { computed: null, range: null, binder: null, index: null } as const;

/** `0 .. 4`, `g in 1 .. 3` or one index. */
function indexOf(
  c: Conversion,
  segment: CstNode,
): Pick<GPathSegment, "range" | "binder" | "index"> {
  const value = exprIn(c, segment);
  if (value.kind === "range") return { range: value, binder: null, index: null };
  if (value.kind !== "binary" || value.operator !== "in" || value.left.kind !== "name")
    return { range: null, binder: null, index: value };
  const { left, right } = value;
  const binder = { text: left.name, span: left.span };
  if (right.kind === "range") return { range: right, binder, index: null };
  const hint = "write `[i in a .. b]`; the end is excluded";
  reportAt(c, notARange, { where: "after `in`", hint }, right.span);
  return { range: null, binder, index: null };
}

function namedSegment(
  c: Conversion,
  segment: CstNode,
): Pick<GPathSegment, "text" | "computed" | "span"> {
  const name = token(segment, "Name");
  const computed = node(segment, "computed");
  if (computed !== null) {
    const whole = spanOfNode(c, segment, 0);
    const span = { ...whole, start: Math.min(whole.start + 1, whole.end) };
    return { text: name?.image ?? "", computed: exprIn(c, computed), span };
  }
  const star = token(segment, "Glob") ?? token(segment, "Wildcard");
  if (name === null) {
    const point = spanOfNode(c, segment, 0);
    return {
      text: star?.image ?? "",
      computed: null,
      span: { ...point, start: Math.min(point.start + 1, point.end) },
    };
  }
  const { text, span } = nameOfToken(c, name);
  if (star === null) return { text, computed: null, span };
  const { start, end } = spanOfToken(c, star);
  if (start !== span.end)
    reportAt(
      c,
      unexpectedToken,
      { found: "*", after: null, expected: "`,` or a member", hint: `write \`${text}*\`` },
      { source: c.source, start, end },
    );
  return { text: `${text}*`, computed: null, span: { ...span, end } };
}
