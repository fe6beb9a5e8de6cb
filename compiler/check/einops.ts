/** `rearrange` and `einsum` as reshapes, transposes and matrix products. */

import type { Axes, AxisItem, EinopsStep } from "../../grammar/ast.js";
import { patternAxesDiffer, patternInputs } from "../../grammar/diagnostics/einops.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { at, invariant } from "../../grammar/invariant.js";
import type { Span } from "../../grammar/source.js";
import { type Dim, productOf } from "../ir/dim.js";
import type { Value } from "../ir/graph.js";
import { axesOrNone } from "./axes.js";
import { distinct, type Extents, givenExtents, matchAxes } from "./axis-pattern.js";
import { type Frame, report } from "./frame.js";
import { applyOp, type Operand } from "./ops.js";
import { type AxisNames, describe, type Meaning, tensorOf, unknown } from "./value.js";

/** A tensor and the names of its axes. */
interface Labeled {
  readonly value: Value;
  readonly axes: readonly string[];
  /** What the axes of `...` are called. */
  readonly run: AxisNames;
}

export function applyEinops(frame: Frame, step: EinopsStep, inputs: readonly Operand[]): Meaning {
  if (inputs.some(({ meaning }) => meaning.kind === "unknown")) return unknown;
  if (inputs.length !== step.inputs.length) {
    const counts = { step: step.kind, expected: step.inputs.length, found: inputs.length };
    report(frame, patternInputs, counts, step.span);
    return unknown;
  }
  const extents = givenExtents(frame, step.sizes);
  if (extents === null) return unknown;
  const tensors: { value: Value; names: AxisNames; pattern: Axes }[] = [];
  for (const [i, { meaning, span }] of inputs.entries()) {
    if (meaning.kind === "tensor") {
      const { value, axes: names = [] } = meaning;
      tensors.push({ value, names, pattern: at(step.inputs, i) });
    } else {
      const what = `the input of \`${step.kind}\``;
      report(frame, wrongType, { what, expected: "a tensor", found: describe(meaning) }, span);
      return unknown;
    }
  }
  const context: Context = { frame, extents, span: step.span };
  const labeled: Labeled[] = [];
  for (const { value, names, pattern } of tensors) {
    const axes = matchAxes(frame, pattern, value.type, extents);
    if (axes === null) return unknown;
    const dots = pattern.items.findIndex(isRun);
    const run = dots < 0 ? [] : names.slice(dots, dots + axes.filter(isOfRun).length);
    labeled.push({ value: reshapeTo(context, value, axes), axes, run });
  }
  const output = flatten(step.output, at(labeled, 0).axes);
  if (!distinct(frame, output, step.output) || !sidesAgree(context, step, labeled, output))
    return unknown;
  const first = step.kind === "einsum" ? contract(context, labeled, output) : at(labeled, 0);
  const ordered = order(context, first, output);
  const { run } = at(labeled, 0);
  return tensorOf(
    emit(context, "reshape", [ordered], { shape: outputShape(step.output, extents, output) }),
    axesOrNone(
      outputNames(
        step.output,
        output.filter(isOfRun).map((_, i) => run[i] ?? null),
      ),
    ),
  );
}

const isRun = (item: AxisItem): boolean => item.kind === "axis" && item.name.text === "...";
const isOfRun = (name: string): boolean => name.startsWith("...");

/** A pattern names the axes of its result; one that is put together has no name. */
const outputNames = (pattern: Axes, run: AxisNames): AxisNames =>
  pattern.items.flatMap((item) =>
    isRun(item) ? run : [item.kind === "axis" ? item.name.text : null],
  );

interface Context {
  readonly frame: Frame;
  readonly extents: Extents;
  readonly span: Span;
}

/** Names in order; `...` stands for the run that the first input has. */
const flatten = (pattern: Axes, run: readonly string[]): readonly string[] =>
  pattern.items.flatMap((item) => namesOf(item, run));

const namesOf = (item: AxisItem, run: readonly string[]): readonly string[] =>
  item.kind === "size"
    ? []
    : item.kind === "axes"
      ? item.items.flatMap((inner) => namesOf(inner, run))
      : item.name.text === "..."
        ? run.filter(isOfRun)
        : [item.name.text];

/** `rearrange` keeps every axis; no output axis comes from nowhere. */
function sidesAgree(
  { frame }: Context,
  step: EinopsStep,
  inputs: readonly Labeled[],
  output: readonly string[],
): boolean {
  const given = new Set(inputs.flatMap(({ axes }) => axes));
  const added = output.find((name) => !given.has(name));
  const lost = [...given].find((name) => !output.includes(name));
  if (added !== undefined)
    report(frame, patternAxesDiffer, { axis: added, side: "right" }, step.output.span);
  else if (step.kind === "rearrange" && lost !== undefined)
    report(frame, patternAxesDiffer, { axis: lost, side: "left" }, at(step.inputs, 0).span);
  else return true;
  return false;
}

const dimsOf = (extents: Extents, names: readonly string[]): readonly Dim[] =>
  names.map((name) => {
    const dim = extents.get(name);
    invariant(dim !== undefined, `the axis ${name} has no extent`);
    return dim;
  });

function outputShape(pattern: Axes, extents: Extents, output: readonly string[]): readonly Dim[] {
  return pattern.items.flatMap((item): readonly Dim[] => {
    if (item.kind === "size") return [item.value];
    const names = namesOf(item, output);
    return item.kind === "axes" ? [productOf(dimsOf(extents, names))] : dimsOf(extents, names);
  });
}

function emit(
  { frame, span }: Context,
  op: string,
  values: readonly Value[],
  attrs: Parameters<typeof applyOp>[3],
): Value {
  const operands = values.map((value) => ({ meaning: tensorOf(value), span }));
  const result = applyOp(frame, op, operands, attrs, span);
  invariant(result.kind === "tensor", `\`${op}\` of a checked pattern is a tensor`);
  return result.value;
}

const reshapeTo = (context: Context, value: Value, axes: readonly string[]): Value =>
  emit(context, "reshape", [value], { shape: dimsOf(context.extents, axes) });

function order(context: Context, { value, axes }: Labeled, wanted: readonly string[]): Value {
  const places = wanted.map((name) => axes.indexOf(name));
  return places.every((place, i) => place === i)
    ? value
    : emit(context, "transpose", [value], { order: places });
}

/**
 * Products from left to right. Of two tensors, axes that both have and something later reads are a
 * batch, those that nothing later reads are summed in a matrix product, the others stay apart.
 */
function contract(
  context: Context,
  inputs: readonly Labeled[],
  output: readonly string[],
): Labeled {
  const [head, ...tail] = inputs;
  invariant(head !== undefined, "`einsum` has an input");
  let current = head;
  for (const [i, next] of tail.entries()) {
    const later = new Set([...output, ...tail.slice(i + 1).flatMap(({ axes }) => axes)]);
    current = product(context, current, next, later);
  }
  return summed(context, current, new Set(output));
}

function product(context: Context, a: Labeled, b: Labeled, later: ReadonlySet<string>): Labeled {
  const left = summed(context, a, new Set([...later, ...b.axes]));
  const right = summed(context, b, new Set([...later, ...a.axes]));
  const shared = left.axes.filter((name) => right.axes.includes(name));
  const batch = shared.filter((name) => later.has(name));
  const inner = shared.filter((name) => !later.has(name));
  const rows = left.axes.filter((name) => !shared.includes(name));
  const columns = right.axes.filter((name) => !shared.includes(name));
  const matrices = (value: Labeled, axes: readonly (readonly string[])[]): Value =>
    emit(context, "reshape", [order(context, value, axes.flat())], {
      shape: [
        ...dimsOf(context.extents, batch),
        ...axes.slice(1).map((names) => productOf(dimsOf(context.extents, names))),
      ],
    });
  const axes = [...batch, ...rows, ...columns];
  const value = emit(
    context,
    "matmul",
    [matrices(left, [batch, rows, inner]), matrices(right, [batch, inner, columns])],
    {},
  );
  return { value: reshapeTo(context, value, axes), axes, run: [] };
}

/** Sums over the axes that nothing reads any more. */
function summed(context: Context, labeled: Labeled, kept: ReadonlySet<string>): Labeled {
  const { value, axes } = labeled;
  const gone = axes.flatMap((name, axis) => (kept.has(name) ? [] : [axis]));
  if (gone.length === 0) return labeled;
  return {
    ...labeled,
    value: emit(context, "sum", [value], { axes: gone, keep: false }),
    axes: axes.filter((name) => kept.has(name)),
  };
}
