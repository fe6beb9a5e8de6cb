/** Concrete trees of types and globs to the AST. */

import type { CstNode } from "chevrotain";

import type { DimNode, GPath, GPathSegment, TypeNode } from "./ast.js";
import {
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
import { digitsName, exprIn, rangeIn } from "./cst-to-ast-expressions.js";
import { notYetSupported, unexpectedToken } from "./diagnostics/syntax.js";

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
    reportAt(c, notYetSupported, { form: "a list type" }, span);
    return { kind: "setting-type", alternatives: [], span };
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
      if (isTensor(alternative))
        reportAt(
          c,
          notYetSupported,
          { form: "a tensor among alternatives" },
          spanOfNode(c, alternative, 0),
        );
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

/** `model.layers[0 .. 4].bn*` */
export function globOf(c: Conversion, tree: CstNode): GPath {
  const first = nameIn(c, tree);
  const segments: GPathSegment[] = [{ text: first.text, range: null, span: first.span }];
  for (const segment of nodes(tree, "globSegment")) {
    if (token(segment, "IndexBracket") !== null) {
      const last = segments.pop();
      if (last === undefined) continue;
      const hint = "write `layers.3` for one, `layers[0 .. 4]` for several";
      const range = rangeIn(c, segment, "of segments", hint);
      const end = endOf(c, segment, last.span.end);
      segments.push({ ...last, range, span: { ...last.span, end } });
      continue;
    }
    const digits = token(segment, "DotDigits");
    segments.push({
      ...(digits === null ? namedSegment(c, segment) : digitsName(c, digits)),
      range: null,
    });
  }
  return { segments, span: spanOfNode(c, tree, 0) };
}

function namedSegment(
  c: Conversion,
  segment: CstNode,
): { readonly text: string; readonly span: GPathSegment["span"] } {
  const name = token(segment, "Name");
  const star = token(segment, "Glob") ?? token(segment, "Star");
  if (name === null) {
    const point = spanOfNode(c, segment, 0);
    return {
      text: star?.image ?? "",
      span: { ...point, start: Math.min(point.start + 1, point.end) },
    };
  }
  const { text, span } = nameOfToken(c, name);
  if (star === null) return { text, span };
  const { start, end } = spanOfToken(c, star);
  if (start !== span.end)
    reportAt(
      c,
      unexpectedToken,
      { found: "*", after: null, expected: "`,` or a member", hint: `write \`${text}*\`` },
      { source: c.source, start, end },
    );
  return { text: `${text}*`, span: { ...span, end } };
}
