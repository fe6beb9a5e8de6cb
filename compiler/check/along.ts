/** Work along one named axis: finding it in inputs, cutting them, stacking outputs. */

import type { Name } from "../../grammar/ast.js";
import {
  axisCount,
  axisExtent,
  axisNotFound,
  axisTwice,
  listLength,
  outputsDiffer,
} from "../../grammar/diagnostics/axes.js";
import { tooDeep } from "../../grammar/diagnostics/program.js";
import { at, invariant } from "../../grammar/invariant.js";
import type { Span } from "../../grammar/source.js";
import { type Dim, printDim, sameDim } from "../ir/dim.js";
import { printType, rankOf, sameType } from "../ir/type.js";
import { dimNamed, placesOf } from "./axes.js";
import { type Frame, leavesOpen, report } from "./frame.js";
import { applyOp } from "./ops.js";
import { maxCopies, type StepInput } from "./repeat.js";
import { describe, type Meaning, tensorOf, unknown } from "./value.js";

/** The axis that a step works along. */
export interface Along {
  readonly axis: Name | null;
  readonly count: number;
  /** Its place in the first input that has it; `null` where none does. */
  readonly place: number | null;
}

type StepName = "each" | "scan";

/** An axis that inputs have, with its extent; `null` after a report, or where nothing is known. */
export function axisOf(
  frame: Frame,
  step: StepName,
  axis: Name,
  inputs: readonly StepInput[],
): { readonly extent: Dim; readonly place: number } | "absent" | null {
  let found: { readonly extent: Dim; readonly place: number } | null = null;
  for (const { value, span, isWhole } of inputs) {
    const [place, second] = isWhole ? [] : placesOf(value, axis);
    if (place === undefined || value.kind !== "tensor") continue;
    if (second !== undefined) {
      report(frame, axisTwice, { step, axis: axis.text }, span);
      return null;
    }
    const extent = at(value.value.type.shape, place);
    if (found === null) found = { extent, place };
    else if (!sameDim(found.extent, extent)) {
      const [expected, other] = [printDim(found.extent), printDim(extent)];
      report(frame, axisExtent, { axis: axis.text, expected, found: other }, span);
      return null;
    }
  }
  return found ?? "absent";
}

/** The count of a step that names its axis: of an input that has it, else of the dim in scope. */
export function countAlong(
  frame: Frame,
  step: StepName,
  axis: Name,
  inputs: readonly StepInput[],
): Along | null {
  if (inputs.some(({ value }) => value.kind === "unknown")) return null;
  const found = axisOf(frame, step, axis, inputs);
  if (found === null) return null;
  if (found !== "absent") return withCount(frame, step, axis, found.extent, found.place);
  const list = inputs.find(({ value, isWhole }) => !isWhole && value.kind === "list");
  // The name of an input's axis that no input has any more was lost on the way.
  const dim =
    frame.portNames?.has(axis.text) === true ? null : dimNamed(frame, axis.text, axis.span);
  if (dim !== null) return withCount(frame, step, axis, dim, null);
  if (step === "scan" && list?.value.kind === "list")
    return withCount(frame, step, axis, list.value.items.length, null);
  const known = inputs.flatMap(({ value }) =>
    value.kind === "tensor" ? (value.axes ?? []).filter((name) => name !== null) : [],
  );
  report(frame, axisNotFound, { step, axis: axis.text, known: [...new Set(known)] }, axis.span);
  return null;
}

function withCount(
  frame: Frame,
  step: StepName,
  axis: Name,
  extent: Dim,
  place: number | null,
): Along | null {
  if (typeof extent === "number" && extent > maxCopies) {
    report(frame, tooDeep, { limit: `${maxCopies} copies of a block` }, axis.span);
    return null;
  }
  if (typeof extent === "number" && extent > 0) return { axis, count: extent, place };
  // Between symbols of a generic block nothing is decided before it is applied.
  if (typeof extent === "number" || isRecordAxis(frame, extent) || !leavesOpen(frame))
    report(
      frame,
      axisCount,
      { step, axis: axis.text, found: `\`${printDim(extent)}\`` },
      axis.span,
    );
  return null;
}

const isRecordAxis = (frame: Frame, dim: Dim): boolean =>
  frame.elaboration.recordAxis !== null && sameDim(dim, frame.elaboration.recordAxis);

/**
 * What each index gets: its part of an input that has the axis, its item of a list that is dealt,
 * the rest as it is. `null` when a list does not fit.
 */
export function cutInputs(
  frame: Frame,
  inputs: readonly StepInput[],
  { axis, count }: Along,
  lists: "dealt" | "whole",
): readonly (readonly StepInput[])[] | null {
  const columns: (readonly Meaning[])[] = [];
  for (const { value, span, isWhole } of inputs) {
    const [place] = isWhole ? [] : placesOf(value, axis);
    if (place !== undefined) {
      const parts = partsOf(frame, value, place, { count, span });
      if (parts === null) return null;
      columns.push(parts);
    } else if (value.kind === "list" && lists === "dealt" && !isWhole) {
      if (value.items.length !== count) {
        report(frame, listLength, { count, found: value.items.length }, span);
        return null;
      }
      columns.push(value.items);
    } else columns.push(Array.from({ length: count }, () => value));
  }
  return Array.from({ length: count }, (_, index) =>
    inputs.map((input, i) => ({ ...input, value: at(at(columns, i), index) })),
  );
}

function partsOf(
  frame: Frame,
  meaning: Meaning,
  axis: number,
  { count, span }: { readonly count: number; readonly span: Span },
): readonly Meaning[] | null {
  const sizes = Array.from({ length: count }, () => 1);
  const split = applyOp(frame, "split", [{ meaning, span }], { sizes, axis }, span);
  if (split.kind === "unknown") return null;
  const parts = split.kind === "tuple" ? split.items.map(({ value }) => value) : [split];
  return parts.map((part) => applyOp(frame, "squeeze", [{ meaning: part, span }], { axis }, span));
}

/**
 * The outputs of all indices as one: the axis is where the inputs have it, else after the axis of
 * the records, else in front. Lists and several outputs are stacked one by one.
 */
export function stackOutputs(
  frame: Frame,
  step: StepName,
  results: readonly Meaning[],
  along: Along,
  span: Span,
): Meaning {
  if (results.some(({ kind }) => kind === "unknown")) return unknown;
  const first = at(results, 0);
  if (first.kind === "tuple" || first.kind === "list") {
    const rows = results.flatMap((result) =>
      result.kind === "tuple"
        ? [result.items.map(({ value }) => value)]
        : result.kind === "list"
          ? [result.items]
          : [],
    );
    const odd = rows.findIndex((row) => row.length !== first.items.length);
    if (rows.length < results.length || odd >= 0)
      return differ(first, at(results, Math.max(odd, 0)));
    const stacked = at(rows, 0).map((_, i) =>
      stackOutputs(
        frame,
        step,
        rows.map((row) => at(row, i)),
        along,
        span,
      ),
    );
    return first.kind === "list"
      ? { kind: "list", items: stacked }
      : {
          kind: "tuple",
          items: first.items.map(({ name }, i) => ({ name, value: at(stacked, i) })),
        };
  }
  if (first.kind !== "tensor") return first.kind === "none" ? first : differ(first, first);
  for (const other of results)
    if (other.kind !== "tensor" || !sameType(other.value.type, first.value.type))
      return differ(first, other);
  const { type } = first.value;
  const [records] = type.shape;
  const place =
    along.place === null
      ? Number(records !== undefined && isRecordAxis(frame, records))
      : Math.min(along.place, rankOf(type));
  const operands = results.map((meaning) => ({ meaning, span }));
  const stacked = applyOp(frame, "stack", operands, { axis: place }, span);
  invariant(stacked.kind === "tensor" || stacked.kind === "unknown", "`stack` gives a tensor");
  if (stacked.kind === "unknown") return unknown;
  const names = stacked.axes ?? stacked.value.type.shape.map(() => null);
  return tensorOf(
    stacked.value,
    along.axis === null ? stacked.axes : names.with(place, along.axis.text),
  );

  function differ(one: Meaning, other: Meaning): Meaning {
    const [a, b] = [one, other].map((each) =>
      each.kind === "tensor" ? printType(each.value.type) : describe(each),
    );
    report(frame, outputsDiffer, { step, first: a ?? "", other: b ?? "" }, span);
    return unknown;
  }
}
