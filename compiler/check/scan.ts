/** `scan`: one block with one set of weights over an axis, step by step. */

import type { Expr, Name, ScanStep } from "../../grammar/ast.js";
import { scanOrder } from "../../grammar/diagnostics/axes.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { at } from "../../grammar/invariant.js";
import { type Along, axisOf, countAlong, cutInputs, stackOutputs } from "./along.js";
import { bind, child, createScope, evaluate, type Frame, report } from "./frame.js";
import { type ApplyCopy, maxCopies, type StepInput } from "./repeat.js";
import { describe, intOf, type Meaning, unknown } from "./value.js";

/** Carried out by unrolling; the body's weights lie under `base` and are made by the first step. */
export function scan(
  frame: Frame,
  step: ScanStep,
  inputs: readonly StepInput[],
  base: string,
  applyCopy: ApplyCopy,
): Meaning {
  const run = runOf(frame, step, inputs);
  if (run === null) return unknown;
  const { along, order } = run;
  const rows = cutInputs(frame, inputs, along, "dealt");
  if (rows === null) return unknown;
  const path = child(frame.path, base);
  const results: Meaning[] = Array.from({ length: along.count }, () => unknown);
  const { taps } = frame.elaboration;
  const tapped = new Map([...taps].map(([name, values]) => [name, values.length]));
  let entry: ReadonlyMap<string, Meaning> = new Map();
  for (const [done, position] of order.entries()) {
    const scope = createScope(frame.scope);
    if (step.binder !== null)
      bind(scope, step.binder.name.text, intOf(position), step.binder.name.span);
    const exit = new Map<string, Meaning>();
    const mark = `${frame.scan?.mark ?? ""}@${position}`;
    const inner: Frame = {
      ...frame,
      scope,
      again: done > 0 || frame.again === true,
      scan: { mark, entry, exit, counts: new Map() },
    };
    const result = applyCopy(inner, step.body, at(rows, position), path);
    if (result.kind === "unknown") return unknown;
    results[position] = result;
    entry = exit;
  }
  for (const [name, values] of taps) {
    const before = values.slice(0, tapped.get(name) ?? 0);
    const own = values.slice(before.length);
    // One value per step, put where the step's outputs are.
    if (own.length === along.count) {
      const placed = own.map((_, position) => at(own, order.indexOf(position)));
      taps.set(name, [...before, ...placed]);
    }
  }
  return stackOutputs(frame, "scan", results, along, step.span);
}

interface Run {
  readonly along: Along;
  /** The positions in the order in which they run. */
  readonly order: readonly number[];
}

function runOf(frame: Frame, step: ScanStep, inputs: readonly StepInput[]): Run | null {
  const { over, binder } = step;
  if (over !== null) {
    const along = countAlong(frame, "scan", over, inputs);
    return along === null
      ? null
      : { along, order: Array.from({ length: along.count }, (_, i) => i) };
  }
  if (binder === null || inputs.some(({ value }) => value.kind === "unknown")) return null;
  const order = orderOf(frame, binder.list);
  if (order === null) return null;
  const along = alongList(frame, binder.axis, order.length, inputs);
  if (along === null) return null;
  const fault = faultOf(order, along.count);
  if (fault === null) return { along, order };
  report(frame, scanOrder, { count: along.count, fault }, binder.list.span);
  return null;
}

/** With an axis that inputs have its extent counts, otherwise the list's length. */
function alongList(
  frame: Frame,
  axis: Name | null,
  length: number,
  inputs: readonly StepInput[],
): Along | null {
  if (axis === null) return { axis, count: length, place: null };
  const found = axisOf(frame, "scan", axis, inputs);
  return found === null
    ? null
    : found === "absent"
      ? { axis, count: length, place: null }
      : typeof found.extent === "number"
        ? { axis, count: found.extent, place: found.place }
        : countAlong(frame, "scan", axis, inputs);
}

function faultOf(order: readonly number[], count: number): string | null {
  const outside = order.find((position) => position < 0 || position >= count);
  if (outside !== undefined) return `${outside} is out of range`;
  const twice = order.find((position, i) => order.indexOf(position) !== i);
  if (twice !== undefined) return `${twice} stands twice`;
  const missing = Array.from({ length: count }, (_, i) => i).find((i) => !order.includes(i));
  return missing === undefined ? null : `${missing} is missing`;
}

/** The integers of a list or a range; `null` after a report, or where they are not known. */
function orderOf(frame: Frame, expr: Expr): readonly number[] | null {
  const meaning = evaluate(frame, expr);
  const items =
    meaning.kind === "range" ? rangeOf(meaning) : meaning.kind === "list" ? meaning.items : [];
  if (meaning.kind === "unknown" || items === null) return null;
  if (items.some(({ kind }) => kind === "unknown" || kind === "dim")) return null;
  const order = items.flatMap((item) => (item.kind === "int" ? [item.value] : []));
  if (order.length === items.length && order.length > 0 && order.length <= maxCopies) return order;
  const what = "the order of `scan`";
  const expected = `a list of 1 to ${maxCopies} integers`;
  report(frame, wrongType, { what, expected, found: describe(meaning) }, expr.span);
  return null;
}

function rangeOf({ from, to }: Extract<Meaning, { kind: "range" }>): readonly Meaning[] | null {
  if ([from.kind, to?.kind].some((kind) => kind === "unknown" || kind === "dim")) return null;
  if (from.kind !== "int" || to?.kind !== "int") return [];
  const length = Math.max(0, to.value - from.value);
  if (length > maxCopies) return [];
  return Array.from({ length }, (_, i) => intOf(from.value + i));
}
