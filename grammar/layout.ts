/**
 * Gives every lexeme its role, balances brackets and cuts the file into declarations, so that the
 * grammar needs no gates and damage in one member reaches no other.
 */

import type { TokenType } from "chevrotain";

import { diagnose, type Diagnostic } from "./diagnostic.js";
import { missingCloser, nestingTooDeep, strayCloser } from "./diagnostics/syntax.js";
import { at } from "./invariant.js";
import {
  assignShape,
  continuesOperand,
  declarationWord,
  emit,
  emitAt,
  indentation,
  inGlob,
  isCloser,
  isComplete,
  isOpener,
  isWildcard,
  keyShape,
  lastToken,
  ruleShape,
  skipBalanced,
  spanOfLexeme,
  topFrame,
  type Chunk,
  type Frame,
  type LayoutState,
} from "./layout-state.js";
import { beginMember, placeName } from "./layout-words.js";
import {
  ASSIGNING,
  DECLARATIONS,
  DECLARING,
  KEYED,
  MEMBERS,
  type FrameKind,
} from "./member-words.js";
import type { Lexeme } from "./scan.js";
import type { SourceFile } from "./source.js";
import {
  As,
  AxesParen,
  BinderParen,
  BodyEnd,
  CallParen,
  Colon,
  Comma,
  Const,
  DeclarationEnd,
  Dot,
  DotDigits,
  Einsum,
  Else,
  Group,
  If,
  IndexBracket,
  KeyName,
  LeftBrace,
  LeftParen,
  Let,
  MemberEnd,
  Name,
  PathBrace,
  PathEnd,
  Rearrange,
  Repeat,
  Reported,
  RightBrace,
  RightBracket,
  RightParen,
  Scan,
  Star,
  Wildcard,
} from "./tokens.js";

/** The parser takes some sixty stack frames a level; this leaves more than half of the stack. */
export const MAX_BRACKETS = 40;

/** What the parser reads, declaration by declaration. */
export interface Layout {
  readonly chunks: readonly Chunk[];
  /** Offsets at which declarations and members begin, ascending. */
  readonly starts: readonly number[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Indentation is asked only where brackets do not match: then it tells which one was left open. */
export function layOut(
  source: SourceFile,
  lexemes: readonly Lexeme[],
  outermost: "module" | "expression",
): Layout {
  const plain = walk(source, lexemes, outermost, { trustIndentation: false });
  if (!plain.diagnostics.some((d) => d.code === missingCloser.code)) return plain;
  return walk(source, lexemes, outermost, { trustIndentation: true });
}

function walk(
  source: SourceFile,
  lexemes: readonly Lexeme[],
  outermost: "module" | "expression",
  options: { readonly trustIndentation: boolean },
): Layout {
  const diagnostics: Diagnostic[] = [];
  const s: LayoutState = {
    source,
    lexemes,
    frames: [{ kind: outermost, opener: null, next: null, member: null, inHead: false }],
    chunks: [],
    last: null,
    starts: [],
    report: (diagnostic) => void diagnostics.push(diagnostic),
    trustIndentation: options.trustIndentation,
    inPath: false,
    tooDeep: false,
  };
  for (let i = 0; i < lexemes.length;) i = place(s, i);
  closeDownTo(s, 1, null);
  return { chunks: s.chunks, starts: s.starts, diagnostics };
}

/** Emits what the lexeme at `i` becomes and returns the index of the next one to place. */
function place(s: LayoutState, i: number): number {
  const lexeme = at(s.lexemes, i);
  const declaration = declarationWord(s, i);
  if (declaration !== null) return beginDeclaration(s, i, declaration);
  closeDownTo(s, depthFor(s, i), lexeme.text);
  if (isOpener(lexeme.type)) return open(s, i);
  if (isCloser(lexeme.type)) return close(s, lexeme, i);
  if (lexeme.type === Name) return placeName(s, i);
  if (
    lexeme.type === Comma &&
    isCloser(s.lexemes[i + 1]?.type ?? Comma) &&
    isComplete(lastToken(s))
  )
    return i + 1; // A comma may follow the last of a list.
  if (lexeme.type === If || lexeme.type === Else) topFrame(s).next = "body";
  if (lexeme.type === Colon) passColon(topFrame(s));
  if (lexeme.type === Star && isWildcard(s, i)) {
    emit(s, Wildcard, lexeme);
    return i + 1;
  }
  if (lexeme.type === Let || lexeme.type === Const) beginMember(s, lexeme, null);
  s.inPath = lexeme.type === As || (s.inPath && (lexeme.type === Dot || lexeme.type === DotDigits));
  emit(s, lexeme.type, lexeme);
  return i + 1;
}

/** What a colon ends: the paths of a rule, the axes before sizes, the condition of a comprehension. */
function passColon(frame: Frame): void {
  frame.inHead = false;
  if (frame.kind === "axes") frame.member = "sizes";
  if (frame.kind === "bracket") frame.next = null;
}

function beginDeclaration(s: LayoutState, i: number, word: string): number {
  const lexeme = at(s.lexemes, i);
  closeDownTo(s, 1, word);
  s.starts.push(lexeme.start);
  s.inPath = false;
  const role = Object.hasOwn(DECLARATIONS, word) ? DECLARATIONS[word] : undefined;
  s.chunks.push({ declaration: word, tokens: [] });
  s.last = null;
  const frame = topFrame(s);
  frame.member = word;
  frame.next = word === "import" ? "names" : (role?.opens ?? null);
  emit(s, role?.type ?? lexeme.type, lexeme);
  return i + 1;
}

// Brackets -------------------------------------------------------------------------------------

function open(s: LayoutState, i: number): number {
  const lexeme = at(s.lexemes, i);
  if (s.frames.length > MAX_BRACKETS) {
    const params = { what: "levels of brackets", limit: MAX_BRACKETS };
    if (!s.tooDeep) s.report(diagnose(nestingTooDeep, params, spanOfLexeme(s, lexeme)));
    s.tooDeep = true;
    const next = skipBalanced(s, i);
    emitAt(s, Reported, "", lexeme.start, at(s.lexemes, next - 1).end);
    return next;
  }
  const [type, kind] = bracketRole(s, lexeme, i);
  if (lexeme.type === LeftBrace && kind !== "path") topFrame(s).next = null;
  emit(s, type, lexeme);
  const member = type === BinderParen ? "binder" : null;
  s.frames.push({ kind, opener: lexeme, next: null, member, inHead: false });
  s.inPath = false;
  return i + 1;
}

function bracketRole(s: LayoutState, lexeme: Lexeme, i: number): readonly [TokenType, FrameKind] {
  const last = lastToken(s);
  if (lexeme.type === LeftBrace) {
    if (s.inPath && last?.tokenType === As) return [PathBrace, "path"];
    const adjacent = last !== null && (last.endOffset ?? -1) + 1 === lexeme.start;
    if (adjacent && (s.inPath || bracesSegment(s, i))) return [PathBrace, "path"];
    return [LeftBrace, topFrame(s).next ?? "body"];
  }
  const { kind, member } = topFrame(s);
  if (kind === "axes" && member !== "sizes") return [lexeme.type, "axes"];
  const continues = continuesOperand(s, lexeme);
  if (lexeme.type !== LeftParen) return [continues ? IndexBracket : lexeme.type, "bracket"];
  if (last?.tokenType === Rearrange || last?.tokenType === Einsum) return [AxesParen, "axes"];
  const binds = s.lexemes[i + 1]?.type === Name && s.lexemes[i + 2]?.text === "in";
  if (binds && last !== null && BINDING.has(last.tokenType)) return [BinderParen, "paren"];
  return [continues ? CallParen : LeftParen, "paren"];
}

const BINDING: ReadonlySet<TokenType> = new Set([Repeat, Scan, Group]);

/** Whether the brace at `i`, directly after a point or name, computes a segment of a path. */
function bracesSegment(s: LayoutState, i: number): boolean {
  const last = lastToken(s)?.tokenType;
  if (last === Dot) return true;
  if (last !== Name && last !== KeyName) return false;
  const after = s.lexemes[skipBalanced(s, i)]?.type;
  // `group model.cnn{ lr: 1 }` and `if a.b{ 1 }` open a body: only what goes on after it is a path.
  if (after === Dot || after === DotDigits) return true;
  const { kind, member, next } = topFrame(s);
  if (inGlob(s)) return member !== "group";
  if (kind === "paren" || kind === "bracket") return next === null;
  return next === null && s.chunks.at(-1)?.tokens.at(-2)?.tokenType === Dot;
}

/** The role of the brace that closes a frame. */
function endOf({ kind }: Frame): TokenType {
  if (kind === "body") return BodyEnd;
  if (kind === "path") return PathEnd;
  return DECLARING.has(kind) ? DeclarationEnd : MemberEnd;
}

const closerOf = (frame: Frame): TokenType =>
  frame.kind === "paren" || frame.kind === "axes"
    ? RightParen
    : frame.kind === "bracket"
      ? RightBracket
      : RightBrace;

function close(s: LayoutState, lexeme: Lexeme, i: number): number {
  let depth = s.frames.length - 1;
  while (depth > 0 && closerOf(at(s.frames, depth)) !== lexeme.type) {
    if (lexeme.type !== RightBrace && closerOf(at(s.frames, depth)) === RightBrace) depth = 0;
    else depth--;
  }
  if (depth === 0) {
    s.report(diagnose(strayCloser, { closer: lexeme.text }, spanOfLexeme(s, lexeme)));
    return i + 1;
  }
  if (s.trustIndentation && lexeme.first && lexeme.type === RightBrace)
    depth = depthByIndentation(s, lexeme, depth);
  closeDownTo(s, depth + 1, lexeme.text);
  const closed = topFrame(s);
  emit(s, lexeme.type === RightBrace ? endOf(closed) : lexeme.type, lexeme);
  s.frames.pop();
  s.inPath = closed.kind === "path";
  return i + 1;
}

/** The outermost brace whose line is indented as `}` is, if the brace at `depth` is deeper. */
function depthByIndentation(s: LayoutState, lexeme: Lexeme, depth: number): number {
  const column = indentation(s, lexeme);
  const indentOf = (d: number): number => {
    const { opener } = at(s.frames, d);
    return opener === null ? -1 : indentation(s, opener);
  };
  if (indentOf(depth) <= column) return depth;
  for (let d = depth - 1; d > 0; d--)
    if (closerOf(at(s.frames, d)) === RightBrace && indentOf(d) === column) return d;
  return depth;
}

/**
 * Closes what was left open so that `depth` frames remain, in one diagnostic: before a word or sign,
 * or at the end of the file.
 */
function closeDownTo(s: LayoutState, depth: number, before: string | null): void {
  if (s.frames.length <= depth) return;
  const left = s.frames.splice(depth).toReversed();
  const offset = (lastToken(s)?.endOffset ?? -1) + 1;
  const closers = left.map((frame) => {
    const closer = closerOf(frame);
    const text = closer === RightBrace ? "}" : closer === RightParen ? ")" : "]";
    emitAt(s, closer === RightBrace ? endOf(frame) : closer, text, offset, offset);
    return `\`${text}\``;
  });
  const labels = left.flatMap(({ opener }) =>
    opener === null
      ? []
      : [{ span: spanOfLexeme(s, opener), text: `\`${opener.text}\` is not closed` }],
  );
  const shown = closers.length > 3 ? [...closers.slice(0, 3), "…"] : closers;
  const span = { source: s.source, start: offset, end: offset };
  const params = {
    closers: shown.join(" "),
    before: before === null ? "the end of the file" : `\`${before}\``,
  };
  s.report(diagnose(missingCloser, params, span, { labels: labels.slice(0, 3) }));
}

const braceDepth = (s: LayoutState): number => {
  let depth = s.frames.length;
  while (depth > 1 && closerOf(at(s.frames, depth - 1)) !== RightBrace) depth--;
  return depth;
};

/** How many frames are left when the lexeme at `i` begins a member although brackets are open. */
function depthFor(s: LayoutState, i: number): number {
  const lexeme = at(s.lexemes, i);
  const { kind, opener } = topFrame(s);
  const unchanged = s.frames.length;
  if (!lexeme.first || opener === null) return unchanged;
  if (s.trustIndentation) {
    const column = indentation(s, lexeme);
    let depth = unchanged;
    while (depth > 2 && column <= indentation(s, at(s.frames, depth - 1).opener ?? lexeme)) depth--;
    const inner = at(s.frames, depth - 1).opener;
    const nested = inner !== null && indentation(s, inner) < column;
    if (depth < unchanged && nested && beginsMemberOf(s, i, depth)) return depth;
  }
  const depth = braceDepth(s);
  if ((kind !== "paren" && kind !== "bracket" && kind !== "axes") || depth === 1) return unchanged;
  if (lexeme.type === Let) return depth;
  const holder = at(s.frames, depth - 1).kind;
  const next = s.lexemes[i + 1];
  const worded = Object.hasOwn(MEMBERS[holder] ?? {}, lexeme.text) && lexeme.type === Name;
  if (worded && next?.line === lexeme.line && next.type === Name) return depth;
  const outdented = indentation(s, lexeme) <= indentation(s, opener);
  const assigns = kind === "paren" && outdented && ASSIGNING.has(holder) && lexeme.type === Name;
  return assigns && assignShape(s, i) !== null ? depth : unchanged;
}

/** Whether the words at `i` can begin a member of the frame that `depth` frames end with. */
function beginsMemberOf(s: LayoutState, i: number, depth: number): boolean {
  const { kind } = at(s.frames, depth - 1);
  const { type, text } = at(s.lexemes, i);
  if (type === Let || type === Const) return ASSIGNING.has(kind) && kind !== "assigns";
  if (type !== Name) return false;
  if (Object.hasOwn(MEMBERS[kind] ?? {}, text) && s.lexemes[i + 1]?.type !== Dot) return true;
  if (kind === "rules") return ruleShape(s, i);
  return (KEYED.has(kind) && keyShape(s, i)) || (ASSIGNING.has(kind) && assignShape(s, i) !== null);
}
