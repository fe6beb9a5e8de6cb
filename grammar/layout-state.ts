/** What the layout knows while it walks the lexemes, and the questions it asks about those ahead. */

import type { IToken, TokenType } from "chevrotain";

import type { Diagnostic } from "./diagnostic.js";
import { at } from "./invariant.js";
import { DECLARATIONS, HEAD_WORDS, KEYED, MEMBERS, type FrameKind } from "./member-words.js";
import type { Lexeme } from "./scan.js";
import type { SourceFile, Span } from "./source.js";
import {
  As,
  BodyEnd,
  Colon,
  Comma,
  Const,
  DeclarationEnd,
  Dot,
  DotDigits,
  EqualEqual,
  Equals,
  False,
  Glob,
  Import,
  LeftArrow,
  LeftBrace,
  LeftBracket,
  LeftParen,
  Let,
  MemberEnd,
  Name,
  NumberToken,
  Param,
  PathEnd,
  Pipe,
  Quantity,
  Range,
  Reported,
  RightBrace,
  RightBracket,
  RightParen,
  Slot,
  Star,
  Text,
  True,
  Unused,
  Wildcard,
} from "./tokens.js";

/** An open bracket and what is being read in it. */
export interface Frame {
  readonly kind: FrameKind;
  readonly opener: Lexeme | null;
  /** What the next brace in it holds. */
  next: FrameKind | null;
  /** The word of the member being read. */
  member: string | null;
  /** Before the colon of a rule: what stands there are paths. */
  inHead: boolean;
}

/** Tokens of one declaration, or stray text before one (then `declaration` is `null`). */
export interface Chunk {
  readonly declaration: string | null;
  readonly tokens: IToken[];
}

/** The walk over the lexemes of one file. */
export interface LayoutState {
  readonly source: SourceFile;
  readonly lexemes: readonly Lexeme[];
  readonly frames: Frame[];
  readonly chunks: Chunk[];
  /** The token placed last in the last chunk. */
  last: IToken | null;
  /** Offsets at which declarations and members begin. */
  readonly starts: number[];
  readonly report: (diagnostic: Diagnostic) => void;
  /** Whether indentation may decide which bracket was left open. */
  readonly trustIndentation: boolean;
  /** The last token belongs to a path after `as`, or closes a computed segment. */
  inPath: boolean;
  /** Brackets nested too deeply have been reported. */
  tooDeep: boolean;
}

/** After these an operand is complete: what follows on a new line may begin a member. */
const COMPLETE: ReadonlySet<TokenType> = new Set([
  Name,
  NumberToken,
  Quantity,
  Text,
  True,
  False,
  RightParen,
  RightBracket,
  DeclarationEnd,
  MemberEnd,
  BodyEnd,
  PathEnd,
  DotDigits,
  Reported,
  Range,
  Glob,
  Wildcard,
]);

const OPENERS: ReadonlySet<TokenType> = new Set([LeftBrace, LeftParen, LeftBracket]);
const CLOSERS: ReadonlySet<TokenType> = new Set([RightBrace, RightParen, RightBracket]);

/** The innermost open bracket. */
export const topFrame = (s: LayoutState): Frame => at(s.frames, -1);
/** The token placed last in the current chunk, or `null`. */
export const lastToken = (s: LayoutState): IToken | null => s.last;

/** Places a lexeme with the role given. */
export function emit(s: LayoutState, type: TokenType, lexeme: Lexeme): void {
  emitAt(s, type, lexeme.text, lexeme.start, lexeme.end);
}

/** Places a token over any stretch of text. */
export function emitAt(
  s: LayoutState,
  type: TokenType,
  text: string,
  start: number,
  end: number,
): void {
  let chunk = s.chunks.at(-1);
  if (chunk === undefined) s.chunks.push((chunk = { declaration: null, tokens: [] }));
  // Lines and columns are left out: they come from the source file.
  const tokenTypeIdx = type.tokenTypeIdx ?? 0;
  s.last = { image: text, startOffset: start, endOffset: end - 1, tokenTypeIdx, tokenType: type };
  chunk.tokens.push(s.last);
}

/** Where a lexeme stands. */
export const spanOfLexeme = (s: LayoutState, lexeme: Lexeme): Span => ({
  source: s.source,
  start: lexeme.start,
  end: lexeme.end,
});

/** Whether an operand ends with the token. */
export const isComplete = (token: IToken | null): boolean =>
  token !== null && COMPLETE.has(token.tokenType);

const typeAt = (s: LayoutState, i: number): TokenType | null => s.lexemes[i]?.type ?? null;

const isOnLine = (s: LayoutState, i: number, line: number): boolean => s.lexemes[i]?.line === line;

/** The index after the bracket that closes the one at `i`, or the number of lexemes. */
export function skipBalanced(s: LayoutState, i: number): number {
  let depth = 0;
  for (let j = i; j < s.lexemes.length; j++) {
    const { type } = at(s.lexemes, j);
    if (OPENERS.has(type)) depth++;
    else if (CLOSERS.has(type) && --depth <= 0) return j + 1;
  }
  return s.lexemes.length;
}

/** Whether the word at `i` begins members of the innermost bracket. */
export function memberWord(s: LayoutState, i: number): boolean {
  const { kind } = topFrame(s);
  const { text } = at(s.lexemes, i);
  return Object.hasOwn(MEMBERS[kind] ?? {}, text);
}

/**
 * The word at `i` if a declaration begins there, also where brackets are still open:
 * then only in a form that no member has.
 */
export function declarationWord(s: LayoutState, i: number): string | null {
  const lexeme = at(s.lexemes, i);
  const { type, text, line } = lexeme;
  const outermost = s.frames.length === 1;
  if (topFrame(s).kind === "expression") return null;
  if (type === Import || type === Param || type === Const) {
    const begins = lexeme.first
      ? outermost || type !== Const
      : outermost && isComplete(lastToken(s));
    return begins ? text : null;
  }
  if (type !== Name || !lexeme.first) return null;
  if (!Object.hasOwn(DECLARATIONS, text)) return null;
  const next = typeAt(s, i + 1);
  const named = isOnLine(s, i + 1, line) && (next === Name || next === Text);
  const last = lastToken(s);
  if (outermost) {
    if (named) return text;
    const bare = !isOnLine(s, i + 1, line) || (text === "expect" && !isFollowedByPunctuation(s, i));
    return bare && (last === null || isComplete(last)) ? text : null;
  }
  if (text === "expect") return atMargin(s, lexeme) && named ? text : null;
  const after = typeAt(s, i + 2);
  const headed = Object.hasOwn(HEAD_WORDS, text) ? HEAD_WORDS[text]?.word : undefined;
  const shaped =
    after === LeftParen ||
    after === LeftBrace ||
    (text === "export" && after === As) ||
    (headed !== undefined && s.lexemes[i + 2]?.text === headed);
  return named && shaped ? text : null;
}

const atMargin = (s: LayoutState, lexeme: Lexeme): boolean =>
  s.source.lineStarts[lexeme.line] === lexeme.start;

function isFollowedByPunctuation(s: LayoutState, i: number): boolean {
  const next = typeAt(s, i + 1);
  return next === Equals || next === Colon || next === Dot || next === Comma || next === Pipe;
}

/** `Name (. Name)* :` */
export function keyShape(s: LayoutState, i: number): boolean {
  let j = i + 1;
  for (;;) {
    if (typeAt(s, j) === Dot && typeAt(s, j + 1) === Name) j += 2;
    else if (typeAt(s, j) === DotDigits) j++;
    else return typeAt(s, j) === Colon;
  }
}

/** A path or several, and a colon: `model.a.**, model.blocks.{i}: …`. */
export function ruleShape(s: LayoutState, i: number): boolean {
  let j = i + 1;
  for (;;) {
    const type = typeAt(s, j);
    if (type === Colon) return true;
    if (type === DotDigits || type === Star) j++;
    else if (type === Dot) j += typeAt(s, j + 1) === LeftBrace ? 1 : 2;
    else if (type === Comma && typeAt(s, j + 1) === Name) j += 2;
    else if (type === LeftBracket || (type === LeftBrace && isAdjacent(s, j)))
      j = skipBalanced(s, j);
    else return false;
  }
}

/** Whether no space stands before the lexeme at `i`. */
const isAdjacent = (s: LayoutState, i: number): boolean =>
  s.lexemes[i - 1]?.end === at(s.lexemes, i).start;

/** Whether the lexeme at `i` belongs to a path with stars, outside expressions. */
export function inGlob(s: LayoutState): boolean {
  const { kind, member, inHead } = topFrame(s);
  if (kind === "rules") return inHead;
  return member === "freeze" || member === "unfreeze" || member === "group";
}

/** Whether the star at `i` belongs to a path and multiplies nothing: `f(model.*.rel_*, 1)`. */
export function isWildcard(s: LayoutState, i: number): boolean {
  const tokens = s.chunks.at(-1)?.tokens ?? [];
  if (inGlob(s) || tokens.at(-1)?.tokenType === Dot) return true;
  if (!isAdjacent(s, i)) return false;
  if (tokens.at(-1)?.tokenType !== Name || tokens.at(-2)?.tokenType !== Dot) return false;
  const next = s.lexemes[i + 1];
  if (next === undefined || next.type === Comma || CLOSERS.has(next.type)) return true;
  return (next.type === Dot || next.type === DotDigits) && isAdjacent(s, i + 1);
}

/** The index of `=`, `<-` or a mistaken `==` after `Name (, Name)*`. */
export function assignShape(s: LayoutState, i: number): number | null {
  let j = i + 1;
  while (typeAt(s, j) === Comma && typeAt(s, j + 1) === Name) j += 2;
  const type = typeAt(s, j);
  return type === Equals || type === LeftArrow || type === EqualEqual ? j : null;
}

/** A member's word is followed by a name or brace on its line, or stands alone while being typed. */
export function wordShape(s: LayoutState, i: number): boolean {
  const { text, line, first } = at(s.lexemes, i);
  const next = typeAt(s, i + 1);
  if (isOnLine(s, i + 1, line) && next !== RightBrace) {
    if (next === LeftBrace) return text !== "freeze" && text !== "stage";
    if (text === "group" || text === "objective" || text === "predict")
      return !isFollowedByPunctuation(s, i);
    return next === Name || next === Let || next === Const;
  }
  return (first && isComplete(lastToken(s))) || lastToken(s)?.tokenType === LeftBrace;
}

/** Whether a member may begin at `i`, given the token before it. */
export function atMemberPosition(s: LayoutState, i: number): boolean {
  const last = lastToken(s);
  if (last === null) return false;
  const { tokenType } = last;
  if (tokenType === Unused) return true;
  if (tokenType === Let || tokenType === Const || tokenType === Slot) return false;
  if (tokenType === LeftBrace || isComplete(last)) return true;
  if (tokenType === Comma) return KEYED.has(topFrame(s).kind) && !topFrame(s).inHead;
  return at(s.lexemes, i).first;
}

/** Columns of white space before the line of `lexeme`. */
export function indentation(s: LayoutState, lexeme: Lexeme): number {
  const start = s.source.lineStarts[lexeme.line] ?? 0;
  let end = start;
  while (s.source.text[end] === " " || s.source.text[end] === "\t") end++;
  return end - start;
}

/** After these `(` calls and `[` indexes, when they stand on the same line. */
export function continuesOperand(s: LayoutState, lexeme: Lexeme): boolean {
  const last = lastToken(s);
  if (last === null || lexeme.first) return false;
  const { tokenType } = last;
  return (
    tokenType === Name ||
    tokenType === DotDigits ||
    tokenType === RightParen ||
    tokenType === RightBracket ||
    (inGlob(s) && (tokenType === Wildcard || tokenType === Glob || tokenType === PathEnd))
  );
}

/** Whether the type is `{`, `(` or `[`. */
export const isOpener = (type: TokenType): boolean => OPENERS.has(type);
/** Whether the type is `}`, `)` or `]`. */
export const isCloser = (type: TokenType): boolean => CLOSERS.has(type);
