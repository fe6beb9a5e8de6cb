/** `repeat`: copies of a block one after another, each with weights of its own. */

import type { ApplyStep, Expr, RepeatStep, TPath } from "../../grammar/ast.js";
import { tooDeep } from "../../grammar/diagnostics/program.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { at } from "../../grammar/invariant.js";
import type { Span } from "../../grammar/source.js";
import { bind, child, createScope, evaluate, type Frame, report } from "./frame.js";
import { segmentOf } from "./members.js";
import { describe, intOf, type Meaning, type TupleItem, unknown } from "./value.js";

/** One value left of `|>`. */
export interface StepInput {
  readonly name: string | null;
  readonly value: Meaning;
  readonly span: Span;
  /** `whole(x)`: never cut. */
  readonly isWhole: boolean;
}

/** Applies the body of a step once; weights lie under `path`. */
export type ApplyCopy = (
  frame: Frame,
  body: ApplyStep,
  inputs: readonly StepInput[],
  path: string,
) => Meaning;

/** Counts beyond this are a mistake. */
export const maxCopies = 10_000;

/** The first input and output chain; further outputs become lists, one item per copy. */
export function repeat(
  frame: Frame,
  step: RepeatStep,
  inputs: readonly StepInput[],
  base: string,
  applyCopy: ApplyCopy,
): Meaning {
  const indices = repeatIndices(frame, step);
  if (indices === null) return unknown;
  let chained: Meaning = inputs[0]?.value ?? unknown;
  const copies: (readonly TupleItem[])[] = [];
  for (const [copy, index] of indices.entries()) {
    const scope = createScope(frame.scope);
    if (step.binder !== null)
      bind(scope, step.binder.name.text, intOf(index), step.binder.name.span);
    const inner: Frame = { ...frame, scope };
    const given = inputs.map((input, i): StepInput => {
      if (i === 0) return copy === 0 ? input : { ...input, value: chained, span: step.body.span };
      const { value } = input;
      const isDealt = value.kind === "list" && value.items.length === indices.length;
      return isDealt ? { ...input, value: at(value.items, copy) } : input;
    });
    const path = child(frame.path, copyPath(inner, step.as, base, copy));
    const result = applyCopy(inner, step.body, given, path);
    if (result.kind === "unknown") return unknown;
    const outputs = result.kind === "tuple" ? result.items : [{ name: null, value: result }];
    // A block under construction may have no output at all, which has been reported.
    const first = outputs[0]?.value ?? unknown;
    if (first.kind === "unknown") return unknown;
    chained = first;
    copies.push(outputs);
  }
  const [head, ...further] = copies[0] ?? [];
  if (head === undefined || further.length === 0) return chained;
  const lists = further.map(({ name }, i): TupleItem => {
    const items = copies.map((outputs) => at(outputs, i + 1).value);
    return { name, value: { kind: "list", items } };
  });
  return { kind: "tuple", items: [{ name: head.name, value: chained }, ...lists] };
}

/** `layers` becomes `layers.0`, `layers.1`, …; a path that is computed is whole as it is. */
function copyPath(frame: Frame, as: TPath | null, base: string, copy: number): string {
  const isComputed = as?.segments.some(({ computed }) => computed !== null) ?? false;
  const segment = segmentOf(frame, as) ?? base;
  return isComputed ? segment : child(segment, String(copy));
}

function repeatIndices(frame: Frame, step: RepeatStep): readonly number[] | null {
  const bound = (expr: Expr): number | null => {
    const meaning = evaluate(frame, expr);
    if (meaning.kind === "int" && meaning.value >= 0) return meaning.value;
    if (meaning.kind !== "unknown" && meaning.kind !== "dim")
      report(
        frame,
        wrongType,
        {
          what: "the count of `repeat`",
          expected: "a compile-time integer from 0 on",
          found: describe(meaning),
        },
        expr.span,
      );
    return null;
  };
  const from = step.binder === null ? 0 : bound(step.binder.range.from);
  const end = step.binder === null ? step.count : step.binder.range.to;
  const to = end === null ? null : bound(end);
  if (from === null || to === null) return null;
  if (to - from > maxCopies) {
    report(frame, tooDeep, { limit: `${maxCopies} copies of a block` }, step.span);
    return null;
  }
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}
