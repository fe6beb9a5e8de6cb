/** Text to lexemes: reserved words and lines marked, doc comments set aside, foreign text reported. */

import type { TokenType } from "chevrotain";

import { diagnose, type Diagnostic } from "./diagnostic.js";
import { foreignToken, unknownCharacter, unterminatedString } from "./diagnostics/syntax.js";
import type { SourceFile } from "./source.js";
import {
  And,
  DocComment,
  Dot,
  EqualEqual,
  Equals,
  Foreign,
  lexer,
  Name,
  Not,
  NotEqual,
  Or,
  RESERVED,
  Text,
  UnterminatedText,
} from "./tokens.js";

/** A token of the text before its role is known. */
export interface Lexeme {
  readonly type: TokenType;
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Counted from 0. */
  readonly line: number;
  /** First on its line, or after a `;`. */
  readonly first: boolean;
}

/** The lexemes of a file and what was set aside. */
export interface Scan {
  readonly lexemes: readonly Lexeme[];
  /** Text of the `///` comments that have a line to themselves, by line from 0. */
  readonly docs: ReadonlyMap<number, string>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Splits any text; what is not ours is reported and left out or replaced. */
export function scan(source: SourceFile): Scan {
  const { tokens, errors } = lexer.tokenize(source.text);
  const lexemes: Lexeme[] = [];
  const docs = new Map<number, string>();
  const diagnostics: Diagnostic[] = [];
  const foreign = new Map<
    string,
    { readonly start: number; readonly end: number; count: number }
  >();
  let line = 0;
  let usedLine = -1;
  for (const token of tokens) {
    const start = token.startOffset;
    const end = start + token.image.length;
    while ((source.lineStarts[line + 1] ?? Infinity) <= start) line++;
    const first = line !== usedLine;
    if (token.tokenType === DocComment) {
      if (first) docs.set(line, token.image.slice(3).replace(/^ /, "").trimEnd());
      continue;
    }
    let type: TokenType | null = token.tokenType;
    if (type === Foreign) {
      const key = foreignForm(token.image).key;
      const seen = foreign.get(key);
      if (seen === undefined) foreign.set(key, { start, end, count: 1 });
      else seen.count++;
      type = foreignForm(token.image).instead;
      if (token.image === ";") usedLine = -1;
      if (type === null) continue;
    } else if (type === UnterminatedText) {
      diagnostics.push(
        diagnose(unterminatedString, {}, { source, start, end: trimmed(source, start, end) }),
      );
      type = Text;
    } else if (type === Name) type = RESERVED.get(token.image) ?? Name;
    lexemes.push({ type, text: token.image, start, end, line, first });
    usedLine = line;
  }
  for (const { start, end, count } of foreign.values()) {
    const { token, advice } = foreignForm(source.text.slice(start, end));
    const more = count - 1;
    diagnostics.push(diagnose(foreignToken, { token, advice, more }, { source, start, end }));
  }
  return { lexemes, docs, diagnostics: [...diagnostics, ...unknownCharacters(source, errors)] };
}

/** Each character is reported once, at its first place. */
function unknownCharacters(
  source: SourceFile,
  errors: readonly { readonly offset: number; readonly length: number }[],
): readonly Diagnostic[] {
  const seen = new Map<string, { readonly start: number; count: number }>();
  for (const { offset, length } of errors) {
    let start = offset;
    for (const character of source.text.slice(offset, offset + length)) {
      const entry = seen.get(character);
      if (entry === undefined) seen.set(character, { start, count: 1 });
      else entry.count++;
      start += character.length;
    }
  }
  return [...seen].map(([character, { start, count }]) => {
    const end = start + character.length;
    const params = { character: describeCharacter(character), more: count - 1 };
    return diagnose(unknownCharacter, params, { source, start, end });
  });
}

function describeCharacter(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return /[\p{C}\p{Z}]/u.test(character) ? `U+${code}` : `\`${character}\` (U+${code})`;
}

function trimmed(source: SourceFile, start: number, end: number): number {
  return start + source.text.slice(start, end).trimEnd().length;
}

interface ForeignForm {
  /** Forms with one key are reported once per file. */
  readonly key: string;
  readonly token: string;
  readonly advice: string;
  /** The token that takes its place; `null` drops it. */
  readonly instead: TokenType | null;
}

function foreignForm(image: string): ForeignForm {
  if (image.startsWith("#"))
    return { key: "#", token: "#", advice: "a comment begins with `//`", instead: null };
  if (image.startsWith("/*"))
    return {
      key: "/*",
      token: "/*",
      advice: "a comment begins with `//` on each line",
      instead: null,
    };
  if (image.startsWith("'") || image.startsWith("`")) {
    const quote = image.slice(0, 1);
    const token = quote === "`" ? "backtick" : quote;
    return {
      key: quote,
      token,
      advice: 'a string stands in double quotes: `"text"`',
      instead: Text,
    };
  }
  const [advice, instead] = FOREIGN[image] ?? ["remove it", null];
  return { key: image, token: image, advice, instead };
}

const compound = (operator: string): readonly [string, TokenType] => [
  `write \`a = a ${operator} b\`, or \`a <- a ${operator} b\` for a state`,
  Equals,
];

const FOREIGN: Readonly<Record<string, readonly [advice: string, instead: TokenType | null]>> = {
  ";": ["lines end by themselves: remove it", null],
  "=>": ["there are no lambdas: name the function with `fn f(x) = …`", null],
  ":=": ["a name gets its value with `=`", Equals],
  "===": ["equality is `==`", EqualEqual],
  "!==": ["inequality is `!=`", NotEqual],
  "+=": compound("+"),
  "-=": compound("-"),
  "*=": compound("*"),
  "/=": compound("/"),
  "**=": ["write `a = pow(a, b)`", Equals],
  "&&": ["write `and`", And],
  "||": ["write `or`", Or],
  "!": ["write `not`", Not],
  "?": ["write `if c { a } else { b }`", null],
  "??": ["write `if a == none { b } else { a }`", null],
  "@": ["a matrix product is `matmul(a, b)`; there are no decorators", null],
  "%": ["`%` is only percent, directly after a number: `70%`", null],
  "^": ["a power is `pow(a, b)`", null],
  "::": ["a member is written with a point: `a.b`", Dot],
  "&": ["write `and`", And],
};
