/** Operator precedence: a flat run of operands and operators to one expression, without recursion. */

import type { IToken } from "chevrotain";

import type { BinaryOperator, Expr } from "./ast.js";
import { broken, reportAt, spanOfToken, type Conversion } from "./cst.js";
import { chainedComparison } from "./diagnostics/syntax.js";
import { joinSpans, type Span } from "./source.js";

/** An operator and what follows it. */
export interface Tail {
  readonly operator: IToken | null;
  readonly prefixes: readonly IToken[];
  /** `null` after `..` with an open end. */
  readonly operand: Expr | null;
}

type Operator = BinaryOperator | "not" | ".." | "negate";

/** Loosest first; `not` and the negating `-` stand before their operand. */
const LEVELS: readonly (readonly Operator[])[] = [
  ["then"],
  ["or"],
  ["and"],
  ["not"],
  ["==", "!=", "<", "<=", ">", ">=", "in"],
  [".."],
  ["+", "-"],
  ["*", "/"],
  ["negate"],
];
const COMPARISON = 4;
const RANGE = 5;

const LEVEL_OF: ReadonlyMap<string, number> = new Map(
  LEVELS.flatMap((operators, level) => operators.map((operator) => [operator, level])),
);
/** How loosely an operator of the text binds: 0 for `then`, more for tighter ones. */
export const precedenceOf = (operator: string): number => LEVEL_OF.get(operator) ?? 0;
const levelOf = (operator: Operator): number => LEVEL_OF.get(operator) ?? 0;

interface Pending {
  readonly operator: Operator;
  readonly span: Span;
}

/** Shunting-yard. Comparisons and ranges do not chain: that is reported and gives a broken expression. */
export function combine(
  c: Conversion,
  prefixes: readonly IToken[],
  first: Expr,
  tails: readonly Tail[],
): Expr {
  const operands: Expr[] = [];
  const pending: Pending[] = [];
  let chained = false;

  const pop = (): Expr => operands.pop() ?? broken(c, first.span.start);
  const reduce = (): void => {
    const top = pending.pop();
    if (top === undefined) return;
    const right = pop();
    operands.push(
      top.operator === "not" || top.operator === "negate"
        ? {
            kind: "unary",
            operator: top.operator === "not" ? "not" : "-",
            operand: right,
            span: joinSpans(top.span, right.span),
          }
        : joined(pop(), top.operator, top.span, right),
    );
  };
  const pushOperand = (before: readonly IToken[], operand: Expr): void => {
    for (const item of before)
      pending.push({
        operator: item.image === "-" ? "negate" : "not",
        span: spanOfToken(c, item),
      });
    operands.push(operand);
  };

  pushOperand(prefixes, first);
  for (const tail of tails) {
    const operator = tail.operator === null ? null : operatorOf(tail.operator);
    if (operator === null || tail.operator === null) continue;
    const level = levelOf(operator);
    const span = spanOfToken(c, tail.operator);
    for (let top = pending.at(-1); top !== undefined; top = pending.at(-1)) {
      if (levelOf(top.operator) < level) break;
      if (levelOf(top.operator) === level && (level === COMPARISON || level === RANGE)) {
        if (!chained)
          reportAt(c, chainedComparison, { first: top.operator, second: operator }, span);
        chained = true;
      }
      reduce();
    }
    if (tail.operand === null) {
      const from = pop();
      operands.push({ kind: "range", from, to: null, span: joinSpans(from.span, span) });
      continue;
    }
    pending.push({ operator, span });
    pushOperand(tail.prefixes, tail.operand);
  }
  while (pending.length > 0) reduce();
  const whole = pop();
  return chained ? { kind: "broken", span: whole.span } : whole;
}

function joined(
  left: Expr,
  operator: BinaryOperator | "..",
  operatorSpan: Span,
  right: Expr,
): Expr {
  const span = joinSpans(left.span, right.span);
  if (operator === "..") return { kind: "range", from: left, to: right, span };
  return { kind: "binary", operator, left, right, operatorSpan, span };
}

function operatorOf(item: IToken): BinaryOperator | ".." | null {
  // A foreign operator has been reported and stands as the token it means.
  const text = FOREIGN[item.image] ?? item.image;
  return isOperator(text) ? text : null;
}

const FOREIGN: Readonly<Record<string, string>> = {
  "&&": "and",
  "&": "and",
  "||": "or",
  "===": "==",
  "!==": "!=",
};

const isOperator = (text: string): text is BinaryOperator | ".." =>
  LEVEL_OF.has(text) && text !== "not" && text !== "negate";
