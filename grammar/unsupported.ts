/** Recognizes the forms that are not supported yet, reports each once and skips it whole. */

import { diagnose } from "./diagnostic.js";
import { notYetSupported } from "./diagnostics/syntax.js";
import { at } from "./invariant.js";
import {
  continuesOperand,
  emitAt,
  isOpener,
  lastToken,
  skipBalanced,
  skipMember,
  spanOfLexeme,
  topFrame,
  type LayoutState,
} from "./layout-state.js";
import { UNSUPPORTED_MEMBERS } from "./member-words.js";
import type { Lexeme } from "./scan.js";
import {
  Comma,
  Dot,
  DotDigits,
  Ellipsis,
  Glob,
  LeftBracket,
  LeftParen,
  Name,
  NumberToken,
  Pipe,
  Reported,
  Star,
} from "./tokens.js";

/** Reports the declaration at `i` and returns the index after it. */
export function skipUnsupportedDeclaration(s: LayoutState, i: number): number {
  const lexeme = at(s.lexemes, i);
  report(s, lexeme, `\`${lexeme.text}\``);
  return skipMember(s, i);
}

/** The index after the member at `i` if it is not supported. */
export function skipUnsupportedMember(s: LayoutState, i: number): number | null {
  const lexeme = at(s.lexemes, i);
  const { kind } = topFrame(s);
  const form = memberForm(s, i);
  if (form === null) return null;
  s.starts.push(lexeme.start);
  report(s, lexeme, form);
  if (kind === "stage") return s.lexemes[i + 1]?.type === Name ? i + 2 : i + 1;
  return skipMember(s, i);
}

function memberForm(s: LayoutState, i: number): string | null {
  const { text } = at(s.lexemes, i);
  const { kind } = topFrame(s);
  const next = s.lexemes[i + 1];
  if (UNSUPPORTED_MEMBERS[kind]?.includes(text) === true)
    return kind === "assigns" ? `\`${text}\` in a loss` : `\`${text}\``;
  if (kind === "train" && text === "loss" && next?.type === Name) return "a named loss";
  const column = s.lexemes[i + 3]?.type === LeftParen && next?.text === "by";
  return kind === "dataset" && text === "split" && column ? "`split by` a column" : null;
}

/** The index after the form at `i` if it is not supported; a `Reported` token takes its place. */
export function skipUnsupportedExpression(s: LayoutState, i: number): number | null {
  const lexeme = at(s.lexemes, i);
  if (lexeme.type === LeftBracket) return skipList(s, i);
  if (lexeme.type === Glob || lexeme.type === Star) return skipGlob(s, i);
  if (lexeme.type !== Name) return null;
  const last = lastToken(s)?.tokenType;
  if (last === Dot || last === undefined) return null;
  const next = s.lexemes[i + 1];
  if (lexeme.text === "rearrange" || lexeme.text === "einsum")
    return next?.type === LeftParen && next.line === lexeme.line
      ? replace(s, i, skipBalanced(s, i + 1), `\`${lexeme.text}\``)
      : null;
  if (last !== Pipe || next === undefined || next.line !== lexeme.line) return null;
  if (lexeme.text === "unused" && next.type === Name)
    return replace(s, i, skipApplication(s, i + 1), "an `unused` step");
  if (lexeme.text !== "each" && lexeme.text !== "scan") return null;
  if (next.type === LeftParen && s.lexemes[i + 3]?.text === "in")
    return replace(s, i, skipApplication(s, skipBalanced(s, i + 1)), `\`${lexeme.text}\``);
  if (next.type !== Name && next.type !== NumberToken) return null;
  return replace(s, i, skipApplication(s, i + 2), `\`${lexeme.text}\``);
}

/** `[for …]` and `[...xs, y]`. */
function skipList(s: LayoutState, i: number): number | null {
  const first = s.lexemes[i + 1];
  if (continuesOperand(s, at(s.lexemes, i)) || first === undefined) return null;
  if (first.text === "for" && s.lexemes[i + 2]?.type === Name)
    return replace(s, i, skipBalanced(s, i), "a list comprehension", first);
  for (let j = i + 1, depth = 0; j < s.lexemes.length && depth >= 0; j++) {
    const { type } = at(s.lexemes, j);
    if (isOpener(type)) j = skipBalanced(s, j) - 1;
    else if (type === Ellipsis && (j === i + 1 || s.lexemes[j - 1]?.type === Comma))
      return replace(s, i, skipBalanced(s, i), "a list spread", at(s.lexemes, j));
    else if (s.lexemes[j]?.text === "]" || s.lexemes[j]?.text === "}") depth--;
  }
  return null;
}

/** `model.**` outside `freeze`; the point before it has been placed. */
function skipGlob(s: LayoutState, i: number): number | null {
  const { member } = topFrame(s);
  if (member === "freeze" || member === "unfreeze" || lastToken(s)?.tokenType !== Dot) return null;
  let j = i + 1;
  while (s.lexemes[j]?.type === Dot || s.lexemes[j]?.type === DotDigits)
    j += s.lexemes[j]?.type === Dot ? 2 : 1;
  return replace(s, i, Math.min(j, s.lexemes.length), "a glob in an expression");
}

/** The index after `Name (. Name)* [( … )]`. */
function skipApplication(s: LayoutState, i: number): number {
  if (s.lexemes[i]?.type !== Name) return i;
  let j = i + 1;
  while (s.lexemes[j]?.type === Dot && s.lexemes[j + 1]?.type === Name) j += 2;
  const next = s.lexemes[j];
  return next?.type === LeftParen && !next.first ? skipBalanced(s, j) : j;
}

function replace(
  s: LayoutState,
  i: number,
  end: number,
  form: string,
  blamed: Lexeme = at(s.lexemes, i),
): number {
  report(s, blamed, form);
  const { start } = at(s.lexemes, i);
  emitAt(s, Reported, "", start, at(s.lexemes, end - 1).end);
  return end;
}

function report(s: LayoutState, lexeme: Lexeme, form: string): void {
  s.report(diagnose(notYetSupported, { form }, spanOfLexeme(s, lexeme)));
}
