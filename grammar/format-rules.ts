/** Concrete trees to documents: where each rule of the grammar takes spaces and may break its lines. */

import type { CstNode, IToken, TokenType } from "chevrotain";

import { node, nodes, token, tokens } from "./cst.js";
import {
  blankLine,
  brokenGroup,
  group,
  hard,
  indent,
  line,
  spacedLine,
  type Doc,
} from "./format-doc.js";
import type { TriviaTable } from "./format-trivia.js";
import { at } from "./invariant.js";
import { precedenceOf } from "./precedence.js";
import * as t from "./tokens.js";

/** What printing needs besides the tree. */
export interface Printing {
  readonly trivia: TriviaTable;
  /** Whether a declaration or member begins at the offset: there empty lines are kept. */
  readonly begins: (offset: number) => boolean;
}

type Child = CstNode | IToken;

const isToken = (child: Child): child is IToken => "image" in child;

/** The parts of a tree as they stand in the text; parts without a token are left out. */
function childrenOf(tree: CstNode): readonly Child[] {
  const all = Object.values(tree.children).flat();
  return all
    .filter((child) => !Number.isNaN(startOf(child)))
    .sort((a, b) => startOf(a) - startOf(b));
}

const startOf = (child: Child): number =>
  isToken(child) ? child.startOffset : (child.location?.startOffset ?? NaN);

const firstToken = (child: Child): IToken =>
  isToken(child) ? child : firstToken(at(childrenOf(child), 0));
const lastToken = (child: Child): IToken =>
  isToken(child) ? child : lastToken(at(childrenOf(child), -1));

/** A declaration, member, type, path or expression. */
export function docOf(p: Printing, tree: Child): Doc {
  if (isToken(tree)) return tokenDoc(p, tree);
  switch (tree.name) {
    case "expr":
      return chain(p, tree);
    case "binary":
      return operators(p, tree);
    case "operand":
      return prefixed(p, tree);
    case "callArgs":
    case "group":
    case "formals":
    case "list":
    case "dimensions":
      return delimited(p, childrenOf(tree));
    case "choice":
      return choice(p, tree);
    case "body":
      return grouped(p, tree, bodyParts(p, tree), { broken: !isOneLine(p, tree) });
    case "importDecl":
      return imported(p, tree);
  }
  return token(tree, "LeftBrace") === null ? sequence(p, childrenOf(tree), tree) : braced(p, tree);
}

// Tokens ---------------------------------------------------------------------------------------

function tokenDoc(p: Printing, item: IToken): Doc {
  const { after } = p.trivia.of(item);
  const text: Doc = after === null ? item.image : [item.image, { kind: "trailing", text: after }];
  return [commentsBefore(p, item), text];
}

/** Only where a member begins do the empty lines around comments stay. */
function commentsBefore(p: Printing, item: IToken): Doc {
  const { before, blank } = p.trivia.of(item);
  if (before.length === 0) return "";
  const kept = p.begins(item.startOffset) || CLOSERS.has(item.tokenType);
  const comments = before.map(({ text, blank }, i): Doc => ({
    kind: "comment",
    text,
    blank: kept && blank && i > 0,
  }));
  return kept && blank && !CLOSERS.has(item.tokenType) ? [comments, blankLine] : comments;
}

const CLOSERS: ReadonlySet<TokenType> = new Set([t.DeclarationEnd, t.MemberEnd, t.BodyEnd]);

/** Whether an empty line stands before the item and its comments. */
function blankBefore(p: Printing, child: Child): boolean {
  const { before, blank } = p.trivia.of(firstToken(child));
  return before[0]?.blank ?? blank;
}

const TIGHT_BEFORE: ReadonlySet<TokenType> = new Set([
  t.Comma,
  t.Colon,
  t.RightParen,
  t.RightBracket,
  t.CallParen,
  t.IndexBracket,
  t.AxesParen,
  t.Dot,
  t.DotDigits,
  t.PathBrace,
  t.PathEnd,
]);
const TIGHT_AFTER: ReadonlySet<TokenType> = new Set([
  t.LeftParen,
  t.CallParen,
  t.BinderParen,
  t.AxesParen,
  t.LeftBracket,
  t.IndexBracket,
  t.Dot,
  t.PathBrace,
]);
/** Rules whose parts stand together without spaces. */
const TIGHT: ReadonlySet<string> = new Set([
  "item",
  "segment",
  "glob",
  "globSegment",
  "ruleHead",
  "pathSegment",
  "pathTail",
  "keySegment",
]);

function separator(tree: CstNode, left: IToken, right: IToken): string {
  if (TIGHT.has(tree.name)) return "";
  if (left.tokenType === t.As) return " ";
  return TIGHT_BEFORE.has(right.tokenType) || TIGHT_AFTER.has(left.tokenType) ? "" : " ";
}

function sequence(p: Printing, children: readonly Child[], tree: CstNode): Doc {
  const docs: Doc[] = [];
  for (const [i, child] of children.entries()) {
    const previous = children[i - 1];
    if (previous !== undefined) docs.push(separator(tree, lastToken(previous), firstToken(child)));
    docs.push(docOf(p, child));
  }
  return docs;
}

/** A group that breaks for the comments in it, too. */
function grouped(
  p: Printing,
  tree: CstNode,
  doc: Doc,
  options: { readonly broken: boolean } = { broken: false },
): Doc {
  const comments = p.trivia.commentsWithin(firstToken(tree), lastToken(tree));
  return options.broken || comments ? brokenGroup(doc) : group(doc);
}

// Expressions ----------------------------------------------------------------------------------

/** `x |> f |> g` on one line, or one step per line. */
function chain(p: Printing, tree: CstNode): Doc {
  const pipes = tokens(tree, "Pipe");
  const first = node(tree, "binary");
  const start = first === null ? "" : docOf(p, first);
  if (pipes.length === 0) return start;
  const steps = nodes(tree, "step");
  const rest = pipes.map((pipe, i) => [line(" "), docOf(p, pipe), " ", docOf(p, at(steps, i))]);
  return grouped(p, tree, [start, indent(rest)]);
}

/** Lines break before the operators that bind least; `in` and `..` stay on their line. */
function operators(p: Printing, tree: CstNode): Doc {
  const [first, ...tails] = childrenOf(tree);
  const start = first === undefined ? "" : docOf(p, first);
  if (tails.length === 0) return start;
  const levels = tails.map((tail) => precedenceOf(firstToken(tail).image));
  const loosest = Math.min(...levels);
  const rest = tails.map((tail, i): Doc => {
    const operator = firstToken(tail);
    const stays = operator.tokenType === t.InOperator || operator.tokenType === t.Range;
    const space = levels[i] === loosest && !stays ? line(" ") : " ";
    return [space, isToken(tail) ? docOf(p, tail) : sequence(p, childrenOf(tail), tail)];
  });
  return grouped(p, tree, [start, indent(rest)]);
}

/** `-x`, `not x` */
function prefixed(p: Printing, tree: CstNode): Doc {
  return childrenOf(tree).map((child): Doc => {
    const negates = isToken(child) && child.tokenType === t.Not;
    return negates ? [docOf(p, child), " "] : docOf(p, child);
  });
}

/** `(a, b)` on one line, or one item per line. */
function delimited(p: Printing, children: readonly Child[]): Doc {
  const [open, ...rest] = children;
  const close = rest.pop();
  if (open === undefined || close === undefined || !isToken(close))
    return children.map((c) => docOf(p, c));
  if (rest.length === 0 && p.trivia.of(close).before.length === 0)
    return [docOf(p, open), docOf(p, close)];
  const items = rest.map((child) =>
    isToken(child) && child.tokenType === t.Comma ? [docOf(p, child), line(" ")] : docOf(p, child),
  );
  const inner = indent([line(""), ...items, commentsBefore(p, close)]);
  const doc = [docOf(p, open), inner, line(""), withoutComments(p, close)];
  return p.trivia.commentsWithin(firstToken(open), close) ? brokenGroup(doc) : group(doc);
}

/** A closing bracket whose comments have been printed inside it. */
function withoutComments(p: Printing, item: IToken): Doc {
  const { after } = p.trivia.of(item);
  return after === null ? item.image : [item.image, { kind: "trailing", text: after }];
}

/** All branches of an `if` break together. */
function choice(p: Printing, tree: CstNode): Doc {
  const bodies = [
    ...nodes(tree, "branch").map((branch) => node(branch, "body")),
    node(tree, "body"),
  ];
  const broken = bodies.some((body) => body !== null && !isOneLine(p, body));
  const parts = childrenOf(tree).flatMap((child, i): readonly Doc[] => {
    const space = i === 0 ? "" : " ";
    if (isToken(child)) return [space, docOf(p, child)];
    if (child.name === "body") return [space, bodyParts(p, child)];
    const own = childrenOf(child).flatMap((part, j): readonly Doc[] => [
      j === 0 ? "" : " ",
      !isToken(part) && part.name === "body" ? bodyParts(p, part) : docOf(p, part),
    ]);
    return [space, ...own];
  });
  return grouped(p, tree, parts, { broken });
}

// Braces ---------------------------------------------------------------------------------------

/** Whether the text in braces was written on one line, without comments. */
function isOneLine(p: Printing, tree: CstNode): boolean {
  const children = childrenOf(tree);
  const open = children.findIndex((child) => isToken(child) && child.tokenType === t.LeftBrace);
  const [start, ...rest] = children.slice(open);
  const close = rest.pop();
  if (start === undefined || close === undefined) return true;
  const begins = rest.some((child) => p.trivia.of(firstToken(child)).first);
  return !begins && !p.trivia.commentsWithin(firstToken(start), lastToken(close));
}

/** `{ let m = mean(x)  x - m }`: its lines break with the group around it. */
function bodyParts(p: Printing, tree: CstNode): Doc {
  const [open, ...rest] = childrenOf(tree);
  const close = rest.pop();
  if (open === undefined || close === undefined || !isToken(close)) return "";
  const items = rest.map((child, i): Doc => {
    if (i === 0) return [line(" "), docOf(p, child)];
    return [blankBefore(p, child) ? spacedLine("  ") : line("  "), docOf(p, child)];
  });
  const inner = indent([...items, commentsBefore(p, close)]);
  return [docOf(p, open), inner, line(" "), withoutComments(p, close)];
}

/** What was written on one line stays there if it fits; otherwise one member stands per line. */
function braced(p: Printing, tree: CstNode): Doc {
  const children = childrenOf(tree);
  const start = children.findIndex((child) => isToken(child) && child.tokenType === t.LeftBrace);
  const head = children.slice(0, start);
  const [open, ...inner] = children.slice(start);
  const close = inner.pop();
  if (open === undefined || close === undefined || !isToken(close)) return "";
  const before: Doc = head.length === 0 ? "" : [sequence(p, head, tree), " "];
  const items: { readonly doc: Doc; readonly blank: boolean; comma: IToken | null }[] = [];
  for (const child of inner) {
    const last = items.at(-1);
    if (!isToken(child))
      items.push({ doc: docOf(p, child), blank: blankBefore(p, child), comma: null });
    else if (last !== undefined) last.comma = child;
  }
  const oneLine = isOneLine(p, tree);
  if (items.length === 0 && oneLine)
    return [before, docOf(p, open), " ", withoutComments(p, close)];
  const parts = items.map(({ doc, blank }, i): Doc => {
    const comma = items[i - 1]?.comma ?? null;
    const flat = i === 0 ? " " : comma === null ? "  " : ", ";
    return [i > 0 && blank ? spacedLine(flat) : line(flat), doc, commaComments(p, items[i]?.comma)];
  });
  const content = indent([...parts, items.length === 0 ? line(" ") : "", commentsBefore(p, close)]);
  const doc = [docOf(p, open), content, line(" "), withoutComments(p, close)];
  return [before, oneLine ? group(doc) : brokenGroup(doc)];
}

/** A comma between members is not printed where they stand on lines of their own; its comment is. */
function commaComments(p: Printing, comma: IToken | null | undefined): Doc {
  if (comma === null || comma === undefined) return "";
  const { after } = p.trivia.of(comma);
  return after === null
    ? commentsBefore(p, comma)
    : [commentsBefore(p, comma), { kind: "trailing", text: after }];
}

/** `import { a, b } from "m"` on one line, or one name per line. */
function imported(p: Printing, tree: CstNode): Doc {
  const children = childrenOf(tree);
  const end = children.findIndex((child) => isToken(child) && child.tokenType === t.MemberEnd);
  if (end === -1) return sequence(p, children, tree);
  const [word, open, ...names] = children.slice(0, end);
  const close = children[end];
  if (word === undefined || open === undefined || close === undefined || !isToken(close)) return "";
  const items = names.map((child) =>
    isToken(child) && child.tokenType === t.Comma ? [docOf(p, child), line(" ")] : docOf(p, child),
  );
  const inner = indent([line(" "), ...items, commentsBefore(p, close)]);
  const list = [docOf(p, open), inner, line(" "), withoutComments(p, close)];
  const listed = p.trivia.commentsWithin(firstToken(open), close) ? brokenGroup(list) : group(list);
  return [docOf(p, word), " ", listed, " ", sequence(p, children.slice(end + 1), tree)];
}

/** The declarations of a file, with at most one empty line between them. */
export const fileDoc = (p: Printing, declarations: readonly CstNode[]): Doc => [
  declarations.map((tree, i) => [
    i === 0 ? "" : blankBefore(p, tree) ? blankLine : hard,
    docOf(p, tree),
  ]),
  p.trivia.rest.map(({ text, blank }): Doc => ({ kind: "comment", text, blank })),
];
