/** `expect` lines: comparisons that must hold, and what each side is when one does not. */

import type { BinaryExpr, ExpectDecl } from "../../grammar/ast.js";
import { expectationFailed, wrongType } from "../../grammar/diagnostics/types.js";
import type { Program } from "../modules.js";
import { createElaboration, rootFrame, type Session } from "./elaboration.js";
import { evaluate, type Frame, report } from "./frame.js";
import { comparedSides, isComparison, operate } from "./operators.js";
import { inUnit } from "./quantities.js";
import { describe, type Meaning, printQuantity } from "./value.js";

/** `expect` lines of the root module; with an error elsewhere they could only repeat it. */
export function checkExpectations(session: Session, program: Program): void {
  if (session.diagnostics.some(({ severity }) => severity === "error")) return;
  for (const declaration of program.root.module.declarations)
    if (declaration.kind === "expect")
      checkExpectation(rootFrame(createElaboration(session), program.root), declaration);
}

function checkExpectation(frame: Frame, { condition }: ExpectDecl): void {
  const binary = condition.kind === "binary" ? condition : null;
  // A side may be the weights of a whole model, which are counted once.
  const compared = binary !== null && isComparison(binary) ? comparedSides(frame, binary) : null;
  const meaning =
    binary === null || compared === null
      ? evaluate(frame, condition)
      : operate(frame, binary, ...compared);
  if (meaning.kind === "unknown" || (meaning.kind === "bool" && meaning.value)) return;
  if (meaning.kind !== "bool") {
    report(
      frame,
      wrongType,
      { what: "an expectation", expected: "`bool`", found: describe(meaning) },
      condition.span,
    );
    return;
  }
  const { start, end, source } = condition.span;
  const found =
    binary === null
      ? "false"
      : sides(binary, compared ?? [evaluate(frame, binary.left), evaluate(frame, binary.right)]);
  report(
    frame,
    expectationFailed,
    { condition: source.text.slice(start, end), found },
    condition.span,
  );
}

/** Both sides as values, quantities in one unit: `153.4 GiB < 120 GiB`. */
function sides({ operator }: BinaryExpr, values: readonly [Meaning, Meaning]): string {
  const [from, to] = values;
  if (from.kind === "quantity" && to.kind === "quantity") {
    const unit = from.unit === "byte" ? memoryUnit(to) : from.unit;
    const own = inUnit(from, unit);
    const other = inUnit(to, unit);
    if (own !== null && other !== null)
      return `${printRounded(own.value, other.value, unit)} ${operator} ${printRounded(other.value, own.value, unit)}`;
  }
  const [one, two] = values.map((value) =>
    describe(value).replace(/^the (integer|float|dim) /, ""),
  );
  return `${one} ${operator} ${two}`;
}

/** The unit in which the program writes a size, or the largest that one in bytes fills. */
const memoryUnit = ({ value, unit }: { readonly value: number; readonly unit: string }): string =>
  unit === "byte"
    ? (["GiB", "MiB", "KiB"].find((_, i) => value >= 2 ** (30 - 10 * i)) ?? unit)
    : unit;

/** Four digits, or all where four do not tell a value from the other. */
function printRounded(value: number, other: number, unit: string): string {
  const rounded = Number(value.toPrecision(4));
  const told = value === other || rounded !== Number(other.toPrecision(4));
  return printQuantity(told ? rounded : value, unit);
}
