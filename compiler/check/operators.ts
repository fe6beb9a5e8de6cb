/** Unary and binary operators on numbers, dims, tensors, losses and schedules. */

import type { BinaryExpr, Expr, UnaryExpr } from "../../grammar/ast.js";
import {
  badOperands,
  dimTooLarge,
  divisionByZero,
  inexactDivision,
} from "../../grammar/diagnostics/types.js";
import {
  addDims,
  type Dim,
  divideExactly,
  multiplyDims,
  negateDim,
  printDim,
  sameDim,
  substitute,
  subtractDims,
} from "../ir/dim.js";
import { nameMeaning } from "./names.js";
import { evaluate, type Frame, leavesOpen, report } from "./frame.js";
import { lossBinary, scaleLoss } from "./loss-algebra.js";
import { applyOp } from "./ops.js";
import { valueNow } from "./over-time.js";
import { quantityBinary, sameQuantity } from "./quantities.js";
import { scalarBinary, scalarNegate } from "./scalars.js";
import {
  asDim,
  asNumber,
  boolOf,
  describe,
  dimMeaning,
  floatOf,
  type Meaning,
  unknown,
} from "./value.js";

export function unary(
  frame: Frame,
  operator: UnaryExpr["operator"],
  operand: Meaning,
  expr: UnaryExpr,
): Meaning {
  if (operand.kind === "unknown") return unknown;
  if (operand.kind === "tensor")
    return applyOp(
      frame,
      operator === "-" ? "neg" : "not",
      [{ meaning: operand, span: expr.operand.span }],
      {},
      expr.span,
    );
  if (operator === "not" && operand.kind === "bool") return boolOf(!operand.value);
  if (operator === "-") {
    if (operand.kind === "float") return floatOf(-operand.value);
    if (operand.kind === "loss") return { kind: "loss", loss: scaleLoss(operand.loss, -1) };
    if (operand.kind === "scalar") return scalarNegate(operand);
    const dim = asDim(operand);
    if (dim !== null) return dimMeaning(negateDim(dim));
  }
  report(frame, badOperands, { operator, left: null, right: describe(operand) }, expr.span);
  return unknown;
}

export function binary(frame: Frame, expr: BinaryExpr): Meaning {
  const { operator } = expr;
  if (isComparison(expr)) return operate(frame, expr, ...comparedSides(frame, expr));
  const first = evaluate(frame, expr.left);
  const left = operator === "then" ? first : valueNow(frame, first, expr.left.span);
  // The right side of a decided `and` or `or` may be undecidable.
  if (left.kind === "bool" && operator === "and" && !left.value) return left;
  if (left.kind === "bool" && operator === "or" && left.value) return left;
  const second = evaluate(frame, expr.right);
  const right = operator === "then" ? second : valueNow(frame, second, expr.right.span);
  return operate(frame, expr, left, right);
}

const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">="]);

/** Whether both sides are values that are held against each other. */
export const isComparison = ({ operator }: BinaryExpr): boolean => COMPARISONS.has(operator);

const isEquality = ({ operator }: BinaryExpr): boolean => operator === "==" || operator === "!=";

/** What the operator makes of both sides. */
export function operate(frame: Frame, expr: BinaryExpr, left: Meaning, right: Meaning): Meaning {
  if (isEquality(expr)) return equality(frame, expr, left, right);
  const { operator } = expr;
  if (left.kind === "unknown" || right.kind === "unknown") return unknown;
  if (left.kind === "loss" || right.kind === "loss") {
    const loss = lossBinary(frame, expr, left, right);
    if (loss !== null) return loss;
  }
  if (left.kind === "tensor" || right.kind === "tensor")
    return tensorBinary(frame, expr, left, right);
  const result = constantBinary(frame, expr, left, right);
  if (result !== null) return result;
  report(frame, badOperands, { operator, left: describe(left), right: describe(right) }, expr.span);
  return unknown;
}

/** Both sides of a comparison. In `pad == same` a name that nothing defines is a word. */
export function comparedSides(frame: Frame, expr: BinaryExpr): readonly [Meaning, Meaning] {
  if (!isEquality(expr)) {
    const now = (side: Expr): Meaning => valueNow(frame, evaluate(frame, side), side.span);
    return [now(expr.left), now(expr.right)];
  }
  const isWord = (side: Expr): side is Extract<Expr, { kind: "name" }> =>
    side.kind === "name" && nameMeaning(frame, side.name, side) === null;
  const side = (own: Expr, other: Expr): Meaning =>
    isWord(own) && !isWord(other) ? { kind: "word", text: own.name } : evaluate(frame, own);
  const left = side(expr.left, expr.right);
  const right = side(expr.right, expr.left);
  return [asWord(expr.left, left, right), asWord(expr.right, right, left)];
}

/** Beside a word, the name of an op or function of the language is a word too. */
const asWord = (expr: Expr, own: Meaning, other: Meaning): Meaning =>
  other.kind === "word" && expr.kind === "name" && (own.kind === "op" || own.kind === "builtin")
    ? { kind: "word", text: expr.name }
    : own;

function equality(frame: Frame, expr: BinaryExpr, left: Meaning, right: Meaning): Meaning {
  if (left.kind === "unknown" || right.kind === "unknown") return unknown;
  // `mask == none` asks whether an input is given.
  const isOptional = left.kind === "none" || right.kind === "none";
  if (!isOptional && (left.kind === "tensor" || right.kind === "tensor"))
    return tensorBinary(frame, expr, left, right);
  const equal = sameMeaning(left, right);
  return equal === null ? unknown : boolOf(expr.operator === "==" ? equal : !equal);
}

/** `null` when two dims are different as text but may be equal once their names are bound. */
function sameMeaning(left: Meaning, right: Meaning): boolean | null {
  const [a, b] = [asDim(left), asDim(right)];
  if (a !== null && b !== null) {
    if (sameDim(a, b)) return true;
    return typeof a === "number" && typeof b === "number" ? false : null;
  }
  const [x, y] = [asNumber(left), asNumber(right)];
  if (x !== null && y !== null) return x === y;
  if (left.kind === "list" && right.kind === "list") {
    if (left.items.length !== right.items.length) return false;
    const parts = left.items.map((item, i) => sameMeaning(item, right.items[i] ?? unknown));
    return parts.includes(null) ? null : parts.every((part) => part === true);
  }
  if (left.kind === "word" && right.kind === "word") return left.text === right.text;
  if (left.kind === "bool" && right.kind === "bool") return left.value === right.value;
  if (left.kind === "string" && right.kind === "string") return left.value === right.value;
  if (left.kind === "quantity" && right.kind === "quantity") return sameQuantity(left, right);
  return left.kind === "none" && right.kind === "none";
}

const tensorOps = new Map([
  ["+", "add"],
  ["-", "sub"],
  ["*", "mul"],
  ["/", "div"],
  ["==", "equal"],
  ["!=", "not_equal"],
  ["<", "less"],
  ["<=", "less_equal"],
  [">", "greater"],
  [">=", "greater_equal"],
  ["and", "and"],
  ["or", "or"],
]);

function tensorBinary(frame: Frame, expr: BinaryExpr, left: Meaning, right: Meaning): Meaning {
  const op = tensorOps.get(expr.operator);
  const fits = (side: Meaning): boolean =>
    side.kind === "tensor" ||
    asNumber(side) !== null ||
    side.kind === "dim" ||
    side.kind === "bool";
  if (op !== undefined && fits(left) && fits(right))
    return applyOp(
      frame,
      op,
      [
        { meaning: left, span: expr.left.span },
        { meaning: right, span: expr.right.span },
      ],
      {},
      expr.operatorSpan,
    );
  report(
    frame,
    badOperands,
    { operator: expr.operator, left: describe(left), right: describe(right) },
    expr.span,
  );
  return unknown;
}

function constantBinary(
  frame: Frame,
  expr: BinaryExpr,
  left: Meaning,
  right: Meaning,
): Meaning | null {
  const { operator } = expr;
  if (operator === "then")
    return left.kind === "schedule" && right.kind === "schedule"
      ? { kind: "schedule", segments: [...left.segments, ...right.segments] }
      : null;
  if (operator === "and" || operator === "or")
    return left.kind === "bool" && right.kind === "bool" ? right : null;
  if (operator === "in") return contains(left, right);
  if (left.kind === "quantity" || right.kind === "quantity")
    return quantityBinary(operator, left, right);
  if (left.kind === "scalar" || right.kind === "scalar") return scalarBinary(operator, left, right);
  const [a, b] = [asDim(left), asDim(right)];
  if (a !== null && b !== null) return dimBinary(frame, expr, a, b);
  const [x, y] = [asNumber(left), asNumber(right)];
  if (x !== null && y !== null) return numberBinary(operator, x, y);
  const numeric = (side: Meaning): boolean => asNumber(side) !== null || side.kind === "dim";
  if (!numeric(left) || !numeric(right)) return null;
  // A float and a symbolic dim: known only where the dim is bound.
  const [u, v] = [boundNumber(frame, left), boundNumber(frame, right)];
  return u !== null && v !== null ? numberBinary(operator, u, v) : unknown;
}

/** A number, or a dim whose names are all known. */
function boundNumber(frame: Frame, meaning: Meaning): number | null {
  const number = asNumber(meaning);
  if (number !== null || meaning.kind !== "dim") return number;
  const dim = substitute(meaning.dim, frame.elaboration.known);
  return typeof dim === "number" ? dim : null;
}

function contains(left: Meaning, right: Meaning): Meaning | null {
  if (right.kind !== "list") return null;
  const found = right.items.map((item) => sameMeaning(left, item));
  if (found.includes(true)) return boolOf(true);
  return found.includes(null) ? unknown : boolOf(false);
}

function dimBinary(frame: Frame, expr: BinaryExpr, a: Dim, b: Dim): Meaning | null {
  switch (expr.operator) {
    case "+":
      return exact(frame, expr, addDims(a, b));
    case "-":
      return exact(frame, expr, subtractDims(a, b));
    case "*":
      return exact(frame, expr, multiplyDims(a, b));
    case "/":
      return divide(frame, expr, a, b);
    default:
      if (typeof a === "number" && typeof b === "number") return numberBinary(expr.operator, a, b);
      return unknown;
  }
}

function exact(frame: Frame, expr: BinaryExpr, dim: Dim): Meaning {
  if (typeof dim !== "number" || Number.isSafeInteger(dim)) return dimMeaning(dim);
  report(frame, dimTooLarge, { value: dim.toExponential(3) }, expr.span);
  return unknown;
}

function divide(frame: Frame, expr: BinaryExpr, a: Dim, b: Dim): Meaning {
  if (b === 0) {
    report(frame, divisionByZero, {}, expr.span);
    return unknown;
  }
  const quotient = divideExactly(a, b);
  if (quotient !== null) return dimMeaning(quotient);
  const numeric = typeof a === "number" && typeof b === "number";
  if (!numeric && leavesOpen(frame)) return unknown;
  report(
    frame,
    inexactDivision,
    { left: printDim(a), right: printDim(b), remainder: numeric ? String(a % b) : null },
    expr.span,
  );
  return unknown;
}

function numberBinary(operator: BinaryExpr["operator"], x: number, y: number): Meaning | null {
  switch (operator) {
    case "+":
      return floatOf(x + y);
    case "-":
      return floatOf(x - y);
    case "*":
      return floatOf(x * y);
    case "/":
      return floatOf(x / y);
    case "<":
      return boolOf(x < y);
    case "<=":
      return boolOf(x <= y);
    case ">":
      return boolOf(x > y);
    case ">=":
      return boolOf(x >= y);
    default:
      return null;
  }
}
