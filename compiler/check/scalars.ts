/** Arithmetic on values over time: builds the trees that schedules are stored as. */

import type { BinaryExpr } from "../../grammar/ast.js";
import type { ScalarExpr } from "../plan/scalar.js";
import { scalarFunctions, scalarOperators } from "../plan/scalar-words.js";
import { asNumber, type Meaning } from "./value.js";

const treeOf = (meaning: Meaning): ScalarExpr | null => {
  if (meaning.kind === "scalar") return meaning.expr;
  const value = asNumber(meaning);
  return value === null ? null : { kind: "number", value };
};

export function scalarBinary(
  operator: BinaryExpr["operator"] | "pow" | "min" | "max",
  left: Meaning,
  right: Meaning,
): Meaning | null {
  const [a, b] = [treeOf(left), treeOf(right)];
  const known = scalarOperators.find((name) => name === operator);
  return a === null || b === null || known === undefined
    ? null
    : { kind: "scalar", expr: { kind: "binary", operator: known, left: a, right: b } };
}

export const scalarNegate = (meaning: Meaning): Meaning =>
  scalarBinary("*", { kind: "int", value: -1 }, meaning) ?? { kind: "unknown" };

/** `cos(u)`; `null` when the function is not one of a schedule's. */
export function scalarCall(name: string, operand: Meaning): Meaning | null {
  const expr = treeOf(operand);
  const known = scalarFunctions.find((candidate) => candidate === name);
  return expr === null || known === undefined
    ? null
    : { kind: "scalar", expr: { kind: "call", function: known, operand: expr } };
}
