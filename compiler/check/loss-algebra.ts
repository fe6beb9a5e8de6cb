/** Losses as linear combinations of sum/weight atoms, so that they add up over batches and devices. */

import type { BinaryExpr } from "../../grammar/ast.js";
import { lossNotLinear, lossOfBatch, lossScalar } from "../../grammar/diagnostics/training.js";
import type { Span } from "../../grammar/source.js";
import type { Value } from "../ir/graph.js";
import { printType } from "../ir/type.js";
import { dependsOnBatch } from "./batch-free.js";
import { type Frame, report } from "./frame.js";
import { asNumber, type Loss, type Meaning, unknown } from "./value.js";

export const addLosses = (a: Loss, b: Loss): Loss => ({
  constant: a.constant + b.constant,
  terms: [...a.terms, ...b.terms],
});

export const scaleLoss = (loss: Loss, factor: number): Loss => ({
  constant: loss.constant * factor,
  terms: loss.terms.map((term) => ({ ...term, coefficient: term.coefficient * factor })),
});

const constantLoss = (constant: number): Loss => ({ constant, terms: [] });

/**
 * `+`, `-`, `*` and `/` where a side is a loss: it is added to losses and to what is free of batch
 * data, and scaled by the latter. Everything else is reported.
 */
export function lossBinary(
  frame: Frame,
  expr: BinaryExpr,
  left: Meaning,
  right: Meaning,
): Meaning | null {
  const { operator } = expr;
  if (operator === "+" || operator === "-") {
    const a = asLoss(frame, left, "this term of a loss", expr.left.span);
    const b = asLoss(frame, right, "this term of a loss", expr.right.span);
    if (a === "wrong" || b === "wrong") return unknown;
    if (a === null || b === null) return null;
    return { kind: "loss", loss: addLosses(a, operator === "+" ? b : scaleLoss(b, -1)) };
  }
  const [loss, factor, place] =
    left.kind === "loss" ? [left, right, expr.right.span] : [right, left, expr.left.span];
  if (loss.kind !== "loss") return null;
  const scales = operator === "*" || (operator === "/" && loss === left);
  if (!scales || factor.kind === "loss") {
    report(frame, lossNotLinear, { operator }, expr.span);
    return unknown;
  }
  const number = asNumber(factor);
  if (number !== null)
    return { kind: "loss", loss: scaleLoss(loss.loss, operator === "*" ? number : 1 / number) };
  if (factor.kind !== "tensor") return null;
  if (!isScalarOfNoBatch(frame, factor.value, "the factor of a loss", place)) return unknown;
  return { kind: "loss", loss: scaledBy(frame, loss.loss, factor.value, operator, expr.span) };
}

/** A loss, a number, or a scalar tensor free of batch data as c0; `null` is none of these. */
export function asLoss(
  frame: Frame,
  meaning: Meaning,
  what: string,
  span: Span,
): Loss | "wrong" | null {
  if (meaning.kind === "loss") return meaning.loss;
  const number = asNumber(meaning);
  if (number !== null) return constantLoss(number);
  if (meaning.kind !== "tensor") return null;
  if (!isScalarOfNoBatch(frame, meaning.value, what, span)) return "wrong";
  return valueLoss(frame, meaning.value, span);
}

/** The value as a loss of weight one: it counts once, however many batches an update has. */
export function valueLoss(frame: Frame, sum: Value, span: Span): Loss {
  const { builder } = frame.elaboration;
  const weight = builder.within({ span, scope: frame.path }, () => builder.constant(1));
  return { constant: 0, terms: [{ coefficient: 1, atom: { sum, weight, span } }] };
}

function isScalarOfNoBatch(frame: Frame, value: Value, what: string, span: Span): boolean {
  const { dtype, shape } = value.type;
  const found = printType(value.type);
  if (dependsOnBatch(frame.elaboration, value)) report(frame, lossOfBatch, { what, found }, span);
  else if (dtype !== "f32" || shape.length > 0) report(frame, lossScalar, { what, found }, span);
  else return true;
  return false;
}

/** c * S over the same W: both the sum over batches and the division stay as they were. */
function scaledBy(
  frame: Frame,
  loss: Loss,
  factor: Value,
  operator: BinaryExpr["operator"],
  span: Span,
): Loss {
  const { builder } = frame.elaboration;
  return builder.within({ span, scope: frame.path }, () => {
    const scaled = (sum: Value): Value =>
      operator === "*" ? builder.mul(sum, factor) : builder.div(sum, factor);
    const terms = loss.terms.map(({ coefficient, atom }) => ({
      coefficient,
      atom: { ...atom, sum: scaled(atom.sum), span },
    }));
    if (loss.constant === 0) return { constant: 0, terms };
    const moved = valueLoss(frame, scaled(builder.constant(loss.constant)), span);
    return { constant: 0, terms: [...terms, ...moved.terms] };
  });
}
