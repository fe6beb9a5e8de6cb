/** Quantities: numbers with units, compared and added where the units measure the same thing. */

import type { BinaryOperator } from "../../grammar/ast.js";
import { boolOf, floatOf, type Meaning, asNumber } from "./value.js";

type Quantity = Extract<Meaning, { kind: "quantity" }>;

/** What units measure, in terms of a base; a unit that is not listed only equals itself. */
const measures: Readonly<Record<string, { readonly of: string; readonly factor: number }>> = {
  byte: { of: "memory", factor: 1 },
  KiB: { of: "memory", factor: 2 ** 10 },
  MiB: { of: "memory", factor: 2 ** 20 },
  GiB: { of: "memory", factor: 2 ** 30 },
  second: { of: "time", factor: 1 },
  minute: { of: "time", factor: 60 },
  hour: { of: "time", factor: 3600 },
};

const measureOf = (unit: string): { readonly of: string; readonly factor: number } =>
  measures[unit] ?? { of: unit, factor: 1 };

export const bytesQuantity = (value: number): Quantity => ({
  kind: "quantity",
  value,
  unit: "byte",
});

/** The quantity in another unit; `null` where the two measure different things. */
export function inUnit(quantity: Quantity, unit: string): Quantity | null {
  const [from, to] = [measureOf(quantity.unit), measureOf(unit)];
  return from.of === to.of
    ? { kind: "quantity", value: (quantity.value * from.factor) / to.factor, unit }
    : null;
}

/** Comparisons, sums and differences of one measure, scaling, ratios; `null` for all else. */
export function quantityBinary(
  operator: BinaryOperator,
  left: Meaning,
  right: Meaning,
): Meaning | null {
  if (left.kind === "quantity" && right.kind === "quantity") {
    const other = inUnit(right, left.unit);
    return other === null ? null : ofOneUnit(operator, left, other.value);
  }
  if (left.kind === "quantity") {
    const by = asNumber(right);
    if (by === null) return null;
    if (operator === "*") return { ...left, value: left.value * by };
    return operator === "/" && by !== 0 ? { ...left, value: left.value / by } : null;
  }
  const by = asNumber(left);
  return by !== null && operator === "*" && right.kind === "quantity"
    ? { ...right, value: by * right.value }
    : null;
}

function ofOneUnit(operator: BinaryOperator, left: Quantity, right: number): Meaning | null {
  switch (operator) {
    case "<":
      return boolOf(left.value < right);
    case "<=":
      return boolOf(left.value <= right);
    case ">":
      return boolOf(left.value > right);
    case ">=":
      return boolOf(left.value >= right);
    case "+":
      return { ...left, value: left.value + right };
    case "-":
      return { ...left, value: left.value - right };
    case "/":
      return right === 0 ? null : floatOf(left.value / right);
    default:
      return null;
  }
}

/** Whether two quantities are the same amount, whatever their units. */
export const sameQuantity = (left: Quantity, right: Quantity): boolean =>
  inUnit(right, left.unit)?.value === left.value;

/** Bytes in the largest unit that they fill, with one decimal: `12.5 GiB`. */
export function printBytes(bytes: number): string {
  const [unit, factor] = (
    [
      ["GiB", 2 ** 30],
      ["MiB", 2 ** 20],
      ["KiB", 2 ** 10],
    ] as const
  ).find(([, size]) => bytes >= size) ?? ["B", 1];
  return `${Number((bytes / factor).toFixed(1))} ${unit}`;
}
