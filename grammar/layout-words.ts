/** Gives words their role: what begins a member, what joins the parts of one, and what is a name. */

import type { TokenType } from "chevrotain";

import { diagnose } from "./diagnostic.js";
import { equalityForAssignment } from "./diagnostics/syntax.js";
import { at } from "./invariant.js";
import {
  assignShape,
  atMemberPosition,
  emit,
  isComplete,
  keyShape,
  lastToken,
  memberWord,
  ruleShape,
  spanOfLexeme,
  topFrame,
  wordShape,
  type Frame,
  type LayoutState,
} from "./layout-state.js";
import { ASSIGNING, HEAD_WORDS, KEYED, MEMBERS, type FrameKind } from "./member-words.js";
import type { Lexeme } from "./scan.js";
import {
  As,
  BoundsIn,
  By,
  Comma,
  Dot,
  Each,
  Einsum,
  EqualEqual,
  Equals,
  For,
  From,
  InOperator,
  KeyName,
  LeftBracket,
  LeftParen,
  MemberEnd,
  Name,
  Pipe,
  Random,
  Rearrange,
  Repeat,
  Scan,
  Split,
  TargetName,
  Unused,
  Where,
} from "./tokens.js";

/** Emits the word at `i` and returns the index of the next lexeme to place. */
export function placeName(s: LayoutState, i: number): number {
  const lexeme = at(s.lexemes, i);
  const last = lastToken(s);
  const frame = topFrame(s);
  const plain = (type: TokenType, path: boolean): number => {
    emit(s, type, lexeme);
    s.inPath = path;
    return i + 1;
  };
  if (last?.tokenType === Dot || last?.tokenType === As) return plain(Name, s.inPath);
  const step = stepWord(s, i);
  if (step !== null) return plain(step, false);
  if (atMemberPosition(s, i)) {
    const begun = placeMember(s, i);
    if (begun !== null) return begun;
  }
  const joining = joiningWord(s, frame, lexeme);
  if (joining === For && frame.kind === "bracket") frame.member = "for";
  if (joining === InOperator && frame.member === "for") frame.member = null;
  if (joining === Where) frame.member = "where";
  return plain(joining ?? Name, false);
}

/** The word at `i` if it says how the step after it is applied. */
function stepWord(s: LayoutState, i: number): TokenType | null {
  const last = lastToken(s)?.tokenType;
  if (last !== Pipe && last !== Unused) return null;
  const { text, line, first } = at(s.lexemes, i);
  const next = s.lexemes[i + 1];
  if (next === undefined || next.line !== line) return null;
  const named = next.type === Name;
  switch (text) {
    case "unused":
      // On a line of its own, after a pipe that goes nowhere, it begins a weight.
      if (first && Object.hasOwn(MEMBERS.block ?? {}, next.text)) return null;
      return last === Pipe && (named || next.type === Repeat) ? Unused : null;
    case "each":
      return named ? Each : null;
    case "scan": {
      const binds = next.type === LeftParen && s.lexemes[i + 3]?.text === "in";
      return named || binds ? Scan : null;
    }
    case "rearrange":
      return next.type === LeftParen ? Rearrange : null;
    case "einsum":
      return next.type === LeftParen ? Einsum : null;
  }
  return null;
}

/** The role of a word between the parts of a declaration or member, or `null`. */
function joiningWord(s: LayoutState, frame: Frame, { text, first }: Lexeme): TokenType | null {
  const last = lastToken(s);
  const after = last?.tokenType ?? null;
  const complete = isComplete(last);
  const { kind, member } = frame;
  if (text === "for" && member === "stage" && after === Name) return For;
  if (text === "for" && kind === "bracket" && after === LeftBracket) return For;
  if (after === Split && text === "by") return By;
  if (after === Split && text === "random") return Random;
  if (text === "from" && member === "import" && after === MemberEnd) return From;
  if (text === "where" && member === "group" && complete) return Where;
  if (kind === "module" && complete && member !== null && Object.hasOwn(HEAD_WORDS, member)) {
    const head = HEAD_WORDS[member];
    if (head?.word === text) return head.type;
  }
  if (text !== "in" || !complete || kind === "axes") return null;
  if (kind === "module") return member === "param" ? BoundsIn : InOperator;
  return !first || member === "for" ? InOperator : null;
}

function placeMember(s: LayoutState, i: number): number | null {
  const lexeme = at(s.lexemes, i);
  const { kind } = topFrame(s);
  if (memberWord(s, i) && wordShape(s, i)) {
    const role = MEMBERS[kind]?.[lexeme.text];
    if (
      role !== undefined &&
      !(isComplete(lastToken(s)) && lexeme.text === "in" && !lexeme.first)
    ) {
      beginMember(s, lexeme, role.opens);
      emit(s, role.type, lexeme);
      return i + 1;
    }
  }
  if (kind === "rules" ? ruleShape(s, i) : KEYED.has(kind) && keyShape(s, i)) {
    const next = placeTarget(s, lexeme, KeyName, i);
    topFrame(s).inHead = kind === "rules";
    return next;
  }
  if (!ASSIGNING.has(kind) || lastToken(s)?.tokenType === Comma) return null;
  const sign = assignShape(s, i);
  if (sign === null) return null;
  if (at(s.lexemes, sign).type !== EqualEqual) return placeTarget(s, lexeme, TargetName, i);
  if (!lexeme.first || sign !== i + 1) return null;
  const equality = at(s.lexemes, sign);
  s.report(diagnose(equalityForAssignment, { name: lexeme.text }, spanOfLexeme(s, equality)));
  placeTarget(s, lexeme, TargetName, i);
  emit(s, Equals, equality);
  return sign + 1;
}

function placeTarget(s: LayoutState, lexeme: Lexeme, type: TokenType, i: number): number {
  beginMember(s, lexeme, null);
  emit(s, type, lexeme);
  return i + 1;
}

/** Brackets in which a word begins no member. */
const NESTED: ReadonlySet<FrameKind> = new Set(["module", "paren", "bracket", "axes"]);

/** Notes that a member begins, whose next brace holds `opens`. */
export function beginMember(s: LayoutState, lexeme: Lexeme, opens: FrameKind | null): void {
  const frame = topFrame(s);
  if (NESTED.has(frame.kind)) return;
  s.starts.push(lexeme.start);
  s.inPath = false;
  frame.member = lexeme.text;
  frame.next = opens;
}
