/** Reduces a value of one batch to an accumulator's type, padded records left out. */

import type { AccumulatorMember } from "../../grammar/ast.js";
import { axesDoNotFit, countsPadding } from "../../grammar/diagnostics/metrics.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { at } from "../../grammar/invariant.js";
import { type Dim, sameDim } from "../ir/dim.js";
import type { Value } from "../ir/graph.js";
import { printType, type TensorType } from "../ir/type.js";
import { type Frame, report } from "./frame.js";
import { isDecided } from "./ports.js";
import { describe, type Meaning } from "./value.js";

/** What stands in place of a padded record: it changes no sum, no minimum and no maximum. */
const neutral = { sum: 0, min: Infinity, max: -Infinity } as const;

/**
 * The batch's share of an accumulator of type `type`; `null` when the value does not fit it. The
 * type's axes are found among the value's in order, in the one way there is; the others are reduced.
 */
export function reduceBatch(
  frame: Frame,
  node: AccumulatorMember,
  type: TensorType,
  meaning: Meaning,
): Value | null {
  const name = node.name.text;
  if (meaning.kind === "unknown") return null;
  const counted = node.reduction === "sum" ? type.dtype === "i64" : false;
  if (!counted && type.dtype !== "f32" && type.dtype !== "f64")
    return wrong(
      `the type of \`${name}\``,
      node.reduction === "sum" ? "`f32`, `f64` or `i64`" : "`f32` or `f64`",
      `\`${type.dtype}\``,
      node.type.span,
    );
  const { builder, recordAxis, valid, generic } = frame.elaboration;
  if (recordAxis !== null && type.shape.some((dim) => sameDim(dim, recordAxis)))
    return wrong(
      `the type of \`${name}\``,
      "without the record axis, over which it accumulates",
      printType(type),
      node.type.span,
    );
  if (meaning.kind !== "tensor")
    return wrong(
      `\`${name}\``,
      "a tensor of the batch's records such as `valid`",
      describe(meaning),
      node.value.span,
    );
  const { value } = meaning;
  if (value.type.dtype !== type.dtype && value.type.dtype !== "bool")
    return wrong(
      `\`${name}\``,
      `\`${type.dtype}\` or \`bool\``,
      printType(value.type),
      node.value.span,
    );
  const ways = waysToKeep(node, type.shape, value.type.shape, meaning.axes ?? []);
  const [kept] = ways;
  if (kept === undefined || ways.length > 1) {
    if (!generic || isDecided(frame, [...type.shape, ...value.type.shape]))
      report(
        frame,
        axesDoNotFit,
        {
          accumulator: name,
          expected: printType(type),
          found: printType(value.type),
          ambiguous: ways.length > 1,
        },
        node.value.span,
      );
    return null;
  }
  const records = value.type.shape.flatMap((dim, i) =>
    recordAxis !== null && sameDim(dim, recordAxis) ? [i] : [],
  );
  if (records.length === 0 && valid !== null && !readsValue(frame, value, valid)) {
    report(frame, countsPadding, { accumulator: name }, node.value.span);
    return null;
  }
  return builder.within({ span: node.span, scope: frame.path }, () => {
    let current = builder.cast(value, type.dtype);
    for (const axis of valid === null ? [] : records) {
      const shape = value.type.shape.map((dim, i): Dim => (i === axis ? dim : 1));
      const real = builder.reshape(valid ?? current, shape);
      const blank = builder.constant(neutral[node.reduction], type.dtype);
      current = builder.where(real, current, blank);
    }
    const axes = value.type.shape.flatMap((_, i) => (kept.includes(i) ? [] : [i]));
    if (axes.length === 0) return current;
    if (node.reduction === "sum") return builder.sum(current, { axes, keep: false });
    return builder.emit(node.reduction === "min" ? "amin" : "amax", [current], {
      axes,
      keep: false,
    });
  });

  function wrong(what: string, expected: string, found: string, span: typeof node.span): null {
    report(frame, wrongType, { what, expected, found }, span);
    return null;
  }
}

/**
 * Ways to find the axes of the type among those of the value in order, two at most. `T = …` finds no
 * axis of another name; where sizes alone leave several ways, a bare name finds the axis of its name.
 */
function waysToKeep(
  { type }: AccumulatorMember,
  wanted: readonly Dim[],
  shape: readonly Dim[],
  axes: readonly (string | null)[],
): readonly (readonly number[])[] {
  const written = type.kind === "tensor-type" ? type.dims : [];
  const given = written.map(({ axis }) => axis?.text ?? null);
  const ways = keptAxes(wanted, shape, (place, axis) => agree(given[place], axes[axis]));
  if (ways.length < 2) return ways;
  const names = written.map(
    ({ size }, i) => given[i] ?? (size?.kind === "name" ? size.name : null),
  );
  const named = keptAxes(wanted, shape, (place, axis) => agree(names[place], axes[axis]));
  return named.length === 1 ? named : ways;
}

const agree = (own: string | null = null, other: string | null = null): boolean =>
  own === null || other === null || own === other;

function keptAxes(
  wanted: readonly Dim[],
  shape: readonly Dim[],
  mayBe: (place: number, axis: number) => boolean,
): readonly (readonly number[])[] {
  const ways: (readonly number[])[] = [];
  const search = (from: number, found: readonly number[]): void => {
    if (ways.length > 1) return;
    if (found.length === wanted.length) {
      ways.push(found);
      return;
    }
    for (let i = from; i < shape.length; i++)
      if (sameDim(at(shape, i), at(wanted, found.length)) && mayBe(found.length, i))
        search(i + 1, [...found, i]);
  };
  search(0, []);
  return ways;
}

/** Whether `value` is computed from `source`. */
function readsValue({ elaboration }: Frame, value: Value, source: Value): boolean {
  const reached = new Set([source.id]);
  for (const node of elaboration.builder.nodes)
    if (node.inputs.some((input) => reached.has(input.id)))
      for (const output of node.outputs) reached.add(output.id);
  return reached.has(value.id);
}
