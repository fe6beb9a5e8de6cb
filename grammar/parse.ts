/** Text to AST: scan, lay out, parse each declaration by itself, convert. Never throws on any text. */

import type { IRecognitionException, IToken } from "chevrotain";

import type { Declaration, Expr, Module } from "./ast.js";
import { broken, type Conversion } from "./cst.js";
import { exprIn } from "./cst-to-ast-expressions.js";
import { declarationOf } from "./cst-to-ast.js";
import { diagnose, type Diagnostic } from "./diagnostic.js";
import { textTooLarge, tooManyErrors, unexpectedToken } from "./diagnostics/syntax.js";
import { adviceFor, declarationAdvice, isBetweenMembers } from "./expected.js";
import { layOut, type Layout } from "./layout.js";
import { parseDeclarationTokens, parseExpressionTokens } from "./parser.js";
import { scan, type Scan } from "./scan.js";
import type { SourceFile, Span } from "./source.js";

const MAX_TEXT = 4 * 1024 * 1024;
const MAX_ERRORS = 100;

/** A file as far as it could be read, and what is wrong with it, in order of place. */
export interface ModuleParse {
  readonly module: Module;
  readonly diagnostics: readonly Diagnostic[];
}

/** A value as far as it could be read, and what is wrong with it. */
export interface ExpressionParse {
  readonly expr: Expr;
  readonly diagnostics: readonly Diagnostic[];
}

/** Commands, checks and the standard library's importers meet the same text again. */
const parses = new WeakMap<SourceFile, ModuleParse>();

/** Reads a file, once. Damaged declarations are in the tree as far as they could be read. */
export function parseModule(source: SourceFile): ModuleParse {
  const known = parses.get(source) ?? parseAnew(source);
  parses.set(source, known);
  return known;
}

function parseAnew(source: SourceFile): ModuleParse {
  const whole: Span = { source, start: 0, end: source.text.length };
  const empty: Module = { kind: "module", source, declarations: [], span: whole };
  if (source.text.length > MAX_TEXT) return { module: empty, diagnostics: [tooLarge(source)] };
  const reading = read(source, "module");
  const declarations: Declaration[] = [];
  for (const { declaration, tokens } of reading.layout.chunks) {
    if (reading.diagnostics.length >= MAX_ERRORS) {
      const start = tokens[0]?.startOffset ?? source.text.length;
      const span = { source, start, end: start };
      reading.diagnostics.push(diagnose(tooManyErrors, { count: MAX_ERRORS }, span));
      break;
    }
    if (declaration === null) {
      stray(reading, tokens);
      continue;
    }
    const { cst, errors } = parseDeclarationTokens(tokens);
    reportErrors(reading, tokens, errors);
    const made = declarationOf(reading.conversion, cst);
    if (made !== null) declarations.push(made);
  }
  return { module: { ...empty, declarations }, diagnostics: sorted(reading.diagnostics) };
}

/** Reads text that is one expression, such as a value on a command line. */
export function parseExpression(source: SourceFile): ExpressionParse {
  const whole: Span = { source, start: 0, end: source.text.length };
  if (source.text.length > MAX_TEXT)
    return { expr: { kind: "broken", span: whole }, diagnostics: [tooLarge(source)] };
  const reading = read(source, "expression");
  const tokens = reading.layout.chunks[0]?.tokens ?? [];
  const { cst, errors } = parseExpressionTokens(tokens);
  reportErrors(reading, tokens, errors);
  const expr =
    tokens.length === 0 ? broken(reading.conversion, 0) : exprIn(reading.conversion, cst);
  return { expr, diagnostics: sorted(reading.diagnostics) };
}

interface Reading {
  readonly source: SourceFile;
  readonly layout: Layout;
  readonly conversion: Conversion;
  readonly diagnostics: Diagnostic[];
  /** Adds a diagnostic unless something in the same member has been reported. */
  readonly reportOnce: (diagnostic: Diagnostic) => void;
}

function read(source: SourceFile, outermost: "module" | "expression"): Reading {
  const scanned: Scan = scan(source);
  const layout = layOut(source, scanned.lexemes, outermost);
  const diagnostics = [...scanned.diagnostics, ...layout.diagnostics];
  const memberOf = (offset: number): number => countUpTo(layout.starts, offset);
  const damaged = new Set(diagnostics.map(({ span }) => memberOf(span?.start ?? 0)));
  const reportOnce = (diagnostic: Diagnostic): void => {
    const member = memberOf(diagnostic.span?.start ?? 0);
    if (damaged.has(member)) return;
    damaged.add(member);
    diagnostics.push(diagnostic);
  };
  // What the tree shows in a damaged member mostly follows from the damage.
  const report = (diagnostic: Diagnostic): void => {
    if (!damaged.has(memberOf(diagnostic.span?.start ?? 0))) diagnostics.push(diagnostic);
  };
  const conversion = { source, docs: scanned.docs, report, depth: 0 };
  return { source, layout, conversion, diagnostics, reportOnce };
}

/** How many of the ascending numbers are at most `limit`. */
function countUpTo(ascending: readonly number[], limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function reportErrors(
  reading: Reading,
  tokens: readonly IToken[],
  errors: readonly IRecognitionException[],
): void {
  for (const error of errors) {
    const index = tokens.indexOf(error.token);
    const previous = (index === -1 ? tokens.at(-1) : tokens[index - 1]) ?? null;
    const trailing = index !== -1 && isBetweenMembers(error.message);
    const first = index !== -1 && startsLine(reading.source, error.token);
    const missing = previous !== null && !trailing && (index === -1 || first);
    const expected =
      trailing &&
      (!first || error.context.ruleStack[0] === "lone") &&
      error.message === "a declaration"
        ? "the end of the value"
        : error.message;
    const params = {
      found: missing ? null : error.token.image || null,
      after: previous?.image ?? null,
      expected,
      hint: adviceFor(error, previous),
    };
    const { source } = reading;
    const end = previous === null ? 0 : (previous.endOffset ?? -1) + 1;
    const span =
      missing || index === -1
        ? { source, start: end, end }
        : { source, start: error.token.startOffset, end: (error.token.endOffset ?? 0) + 1 };
    reading.reportOnce(diagnose(unexpectedToken, params, span));
  }
}

/** Only white space stands before the token on its line. */
function startsLine(source: SourceFile, { startOffset }: IToken): boolean {
  const before = source.text.lastIndexOf("\n", startOffset - 1) + 1;
  return source.text.slice(before, startOffset).trim() === "";
}

/** Text before the first declaration. */
function stray(reading: Reading, tokens: readonly IToken[]): void {
  const [first] = tokens;
  if (first === undefined) return;
  const span = {
    source: reading.source,
    start: first.startOffset,
    end: (first.endOffset ?? 0) + 1,
  };
  const sign = tokens[1];
  const assigns = sign?.image === "=" || sign?.image === ":";
  const hint = declarationAdvice(assigns ? sign : first, first);
  const params = { found: first.image, after: null, expected: "a declaration", hint };
  reading.reportOnce(diagnose(unexpectedToken, params, span));
}

const tooLarge = (source: SourceFile): Diagnostic =>
  diagnose(textTooLarge, { limit: "4 MiB" }, { source, start: 0, end: 0 });

const sorted = (diagnostics: readonly Diagnostic[]): readonly Diagnostic[] =>
  [...diagnostics].sort((a, b) => (a.span?.start ?? 0) - (b.span?.start ?? 0));
