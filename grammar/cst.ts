/** Reading the concrete tree, of which any part may be missing after an error. */

import type { CstElement, CstNode, IToken } from "chevrotain";

import { diagnose, type Diagnostic, type DiagnosticKind } from "./diagnostic.js";
import type { BrokenExpr, Expr, Name } from "./ast.js";
import { nestingTooDeep, unexpectedToken } from "./diagnostics/syntax.js";
import type { SourceFile, Span } from "./source.js";
import { positionOf } from "./source.js";

/** What the conversion to the AST needs besides the tree. */
export interface Conversion {
  readonly source: SourceFile;
  readonly docs: ReadonlyMap<number, string>;
  readonly report: (diagnostic: Diagnostic) => void;
  /** How many nodes stand above the one being made, at most. */
  depth: number;
}

/** The children of one rule; the tree keeps trees and tokens under different names. */
export function nodes(parent: CstNode | null, rule: string): readonly CstNode[] {
  const found = parent?.children[rule];
  return found !== undefined && holdsNodes(found) ? found : [];
}

/** The first child of one rule, or `null`. */
export function node(parent: CstNode | null, rule: string): CstNode | null {
  const first = parent?.children[rule]?.[0];
  return first !== undefined && "children" in first ? first : null;
}

/** The tokens of one type among the children. */
export function tokens(parent: CstNode | null, type: string): readonly IToken[] {
  const found = parent?.children[type];
  return found !== undefined && holdsTokens(found) ? found : [];
}

/** The first token of one type among the children, or `null`. */
export function token(parent: CstNode | null, type: string): IToken | null {
  const first = parent?.children[type]?.[0];
  return first !== undefined && "image" in first ? first : null;
}

const holdsNodes = (found: readonly CstElement[]): found is readonly CstNode[] =>
  found[0] !== undefined && "children" in found[0];

const holdsTokens = (found: readonly CstElement[]): found is readonly IToken[] =>
  found[0] !== undefined && "image" in found[0];

/** The one child of a rule that only chooses, with its rule's name. */
export function chosen(parent: CstNode): CstNode | null {
  for (const elements of Object.values(parent.children))
    for (const element of elements) if ("children" in element) return element;
  return null;
}

/** The text of a token; a closer that was added has no length. */
export const spanOfToken = (c: Conversion, { startOffset, image }: IToken): Span => ({
  source: c.source,
  start: startOffset,
  end: startOffset + image.length,
});

/** A tree that holds no token stands, without length, at the place given. */
export function spanOfNode(c: Conversion, tree: CstNode | null, otherwise: number): Span {
  const start = tree?.location?.startOffset ?? NaN;
  const end = (tree?.location?.endOffset ?? NaN) + 1;
  if (Number.isNaN(start) || Number.isNaN(end))
    return { source: c.source, start: otherwise, end: otherwise };
  return { source: c.source, start, end: Math.max(start, end) };
}

/** The offset after a tree, or the offset given where it holds no token. */
export const endOf = (c: Conversion, tree: CstNode | null, otherwise: number): number =>
  spanOfNode(c, tree, otherwise).end;

/** A token as a name of the AST. */
export const nameOfToken = (c: Conversion, item: IToken): Name => ({
  text: item.image,
  span: spanOfToken(c, item),
});

/** The first name of a tree; without one its text is empty. */
export function nameIn(c: Conversion, tree: CstNode, type = "Name"): Name {
  const item = token(tree, type);
  if (item !== null) return nameOfToken(c, item);
  const { start, end } = spanOfNode(c, tree, 0);
  return { text: "", span: { source: c.source, start: Math.max(start, end), end } };
}

/** The names among the children, in order. */
export const namesIn = (c: Conversion, tree: CstNode, type = "Name"): readonly Name[] =>
  tokens(tree, type).map((item) => nameOfToken(c, item));

/** Stands where an expression is missing or could not be read. */
export const broken = (c: Conversion, start: number, end = start): BrokenExpr => ({
  kind: "broken",
  span: { source: c.source, start, end },
});

/** Reports a kind at a span. */
export function reportAt<P>(c: Conversion, kind: DiagnosticKind<P>, params: P, span: Span): void {
  c.report(diagnose(kind, params, span));
}

/** The `///` lines directly above the tree, which has to begin its line. */
export function docAbove(c: Conversion, tree: CstNode): string | null {
  const { start } = spanOfNode(c, tree, 0);
  const lineStart = c.source.text.lastIndexOf("\n", start - 1) + 1;
  if (c.source.text.slice(lineStart, start).trim() !== "") return null;
  const lines: string[] = [];
  for (let line = positionOf(c.source, start).line - 2; ; line--) {
    const text = c.docs.get(line);
    if (text === undefined) break;
    lines.unshift(text);
  }
  return lines.length === 0 ? null : lines.join("\n");
}

/** The name that digits directly after a point are: `0` of `blocks.0`. */
export function digitsName(c: Conversion, item: IToken): Name {
  const span = spanOfToken(c, item);
  return { text: item.image.slice(1), span: { ...span, start: span.start + 1 } };
}

/** A reported token stands for more text than its image holds. */
export const brokenToken = (c: Conversion, item: IToken): BrokenExpr =>
  broken(c, item.startOffset, (item.endOffset ?? item.startOffset) + 1);

/** Reports a part that is read but not allowed at its place. */
export function reportExpected(
  c: Conversion,
  found: string | null,
  expected: string,
  hint: string | null,
  span: Span,
): void {
  reportAt(c, unexpectedToken, { found, after: null, expected, hint }, span);
}

/** Nodes of one expression from its outermost to a leaf. */
export const MAX_EXPRESSION_DEPTH = 500;

/** Makes what stands `levels` below the current node, or reports that it is too deep. */
export function descend(c: Conversion, levels: number, tree: CstNode, make: () => Expr): Expr {
  const span = spanOfNode(c, tree, 0);
  if (c.depth + levels > MAX_EXPRESSION_DEPTH) {
    const params = { what: "operators and steps in one expression", limit: MAX_EXPRESSION_DEPTH };
    reportAt(c, nestingTooDeep, params, { ...span, end: Math.min(span.end, span.start + 1) });
    return { kind: "broken", span };
  }
  c.depth += levels;
  const made = make();
  c.depth -= levels;
  return made;
}
