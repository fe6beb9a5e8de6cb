/** One step of a transform, whatever it is written as: what it takes, and what it leaves. */

import type { ApplyStep, EinopsStep, Step } from "../../../grammar/ast.js";
import { unknownName } from "../../../grammar/diagnostics/names.js";
import { wrongType } from "../../../grammar/diagnostics/types.js";
import type { Span } from "../../../grammar/source.js";
import { suggest } from "../../../grammar/suggest.js";
import { type Dim, productOf } from "../../ir/dim.js";
import { isNumeric, printType, sameType, type TensorType } from "../../ir/type.js";
import type { TransformOp } from "../../plan/transform-op.js";
import { givenExtents, matchAxes } from "../axis-pattern.js";
import { type Frame, report } from "../frame.js";
import { signature } from "../signature.js";
import { bindCall, keepsLimits } from "./data-call.js";
import { movingTransforms } from "./moving-transforms.js";
import type { CheckedFit, Preparation } from "./preparation.js";
import type { Problem } from "./transform-form.js";
import { valueTransforms } from "./value-transforms.js";

/** A step with its settings; `result` is `"reported"` where it has said itself what is wrong. */
export interface BoundStep {
  readonly name: string;
  readonly span: Span;
  readonly takes: string;
  readonly moves: "fixed" | "drawn" | null;
  readonly problem: (type: TensorType) => (Problem & { readonly span: Span }) | null;
  readonly result: (type: TensorType) => TensorType | null | "reported";
  readonly make: (type: TensorType) => TransformOp;
  /** What becomes of a fit's layout; `null` loses it. */
  readonly follow: (layout: readonly Dim[], type: TensorType) => readonly Dim[] | null;
  /** The fit that a `rescale` goes by. */
  readonly fit: { readonly fit: CheckedFit; readonly to: readonly [number, number] | null } | null;
}

const transforms = { ...movingTransforms, ...valueTransforms };
const stepNames = [...Object.keys(transforms), "rescale", "rearrange"];

/** `null` after a report. */
export function bindStep(frame: Frame, preparation: Preparation, step: Step): BoundStep | null {
  if (step.kind === "rearrange") return rearrangeStep(frame, step);
  const callee = step.kind === "apply" && step.callee.kind === "name" ? step.callee.name : null;
  if (step.kind !== "apply" || callee === null) {
    const params = { what: "a step of a transform", expected: "a transform such as `hflip()`" };
    report(frame, wrongType, { ...params, found: `\`${step.kind}\`` }, step.span);
    return null;
  }
  return callee === "rescale"
    ? rescaleStep(frame, preparation, step)
    : tableStep(frame, step, callee);
}

function tableStep(frame: Frame, step: ApplyStep, callee: string): BoundStep | null {
  const form = Object.hasOwn(transforms, callee) ? transforms[callee] : undefined;
  if (form === undefined) {
    const params = { name: callee, suggestion: suggest(callee, stepNames) };
    report(frame, unknownName, params, step.callee.span);
    return null;
  }
  const { span } = step;
  const call = bindCall(frame, form.formals, {
    callee,
    calleeSpan: step.callee.span,
    args: step.args ?? [],
    span,
  });
  if (call === null || !keepsLimits(frame, call, form.limits ?? {})) return null;
  return {
    name: callee,
    span,
    takes: form.takes,
    moves: form.moves ?? null,
    problem(type) {
      const problem = form.problem?.(type, call) ?? null;
      const found = call.bound.get(problem?.setting ?? "")?.span ?? span;
      return problem === null
        ? null
        : { ...problem, span: found.source.name.startsWith("saic:") ? span : found };
    },
    result: (type) => form.result(type, call),
    make: (type) => form.make(type, call),
    follow: (layout) => (form.moves === undefined && callee !== "tile" ? layout : null),
    fit: null,
  };
}

/** `rescale(range, to: [-0.7, 0.7])`: the fit stands first, by its bare name. */
function rescaleStep(frame: Frame, preparation: Preparation, step: ApplyStep): BoundStep | null {
  const { span } = step;
  const [first, ...args] = step.args ?? [];
  if (first?.value.kind !== "name" || (first.name !== null && first.name.text !== "fit")) {
    const params = { what: "what `rescale` goes by", expected: "the name of a `fit`" };
    const found = first === undefined ? "nothing" : "another expression";
    report(frame, wrongType, { ...params, found }, first?.span ?? span);
    return null;
  }
  const { name } = first.value;
  const fit = preparation.fits.get(name);
  if (fit === undefined) {
    if (preparation.broken.has(name)) return null;
    const params = { name, suggestion: suggest(name, preparation.fits.keys()) };
    report(frame, unknownName, params, first.value.span);
    return null;
  }
  const isMinmax = fit.plan.kind === "minmax";
  const call = bindCall(frame, isMinmax ? toFormals : noFormals, {
    callee: "rescale",
    calleeSpan: step.callee.span,
    args,
    span,
  });
  if (call === null) return null;
  const [low = 0, high = 1] = isMinmax ? call.settings.numbers("to") : [];
  if (isMinmax && low >= high) {
    const params = { what: "`to` of `rescale`", expected: "the smaller number first" };
    const place = call.bound.get("to")?.span ?? span;
    report(frame, wrongType, { ...params, found: `[${low}, ${high}]` }, place);
    return null;
  }
  const to = isMinmax ? ([low, high] as const) : null;
  return {
    name: "rescale",
    span,
    takes: `\`${printType(fit.record)}\`, as \`${name}\` was fitted to`,
    moves: null,
    problem: () => null,
    result: (type) => (sameType(type, fit.record) ? { ...type, dtype: fit.type.dtype } : null),
    make: () => ({ kind: "rescale", fit: name, to: to === null ? null : [...to] }),
    follow: (layout) => layout,
    fit: { fit, to },
  };
}

const toFormals = signature("rescale(to: float[2] = [0, 1])");
const noFormals = signature("rescale()");

/** `rearrange(T M -> M T)`: a permutation of axes, taken apart before and merged after. */
function rearrangeStep(frame: Frame, step: EinopsStep): BoundStep | null {
  const given = givenExtents(frame, step.sizes);
  const [pattern, second] = step.inputs;
  if (given === null || pattern === undefined || second !== undefined) return null;
  const plan = (type: TensorType) => {
    const extents = new Map(given);
    const axes = matchAxes(frame, pattern, type, extents);
    if (axes === null) return null;
    const groups = step.output.items.map((item): readonly string[] =>
      item.kind === "size"
        ? []
        : item.kind === "axes"
          ? item.items.flatMap((inner) => (inner.kind === "axis" ? [inner.name.text] : []))
          : item.name.text === "..."
            ? axes.filter((axis) => axis.startsWith("..."))
            : [item.name.text],
    );
    const wanted = groups.flat();
    const odd =
      wanted.find((axis) => !axes.includes(axis)) ??
      axes.find((axis) => !wanted.includes(axis)) ??
      wanted.find((axis, i) => wanted.indexOf(axis) !== i);
    if (odd !== undefined) {
      const expected = "the same axes on both sides";
      const params = { what: "`rearrange` of a field", expected, found: `\`${odd}\` on one` };
      report(frame, wrongType, params, step.span);
      return null;
    }
    const sizeOf = (axis: string): Dim => extents.get(axis) ?? 1;
    const shape = step.output.items.flatMap((item, i): readonly Dim[] => {
      const group = groups[i] ?? [];
      return item.kind === "axis" && item.name.text === "..."
        ? group.map(sizeOf)
        : [productOf(group.map(sizeOf))];
    });
    return {
      split: axes.map(sizeOf),
      order: wanted.map((axis) => axes.indexOf(axis)),
      shape,
      merges: groups.some((group, i) => group.length > 1 && step.output.items[i]?.kind === "axes"),
    };
  };
  return {
    name: "rearrange",
    span: step.span,
    takes: "a type whose extents are known",
    moves: null,
    problem: () => null,
    result(type) {
      if (!isNumeric(type.shape)) return null;
      const arranged = plan(type);
      return arranged === null ? "reported" : { dtype: type.dtype, shape: arranged.shape };
    },
    make(type) {
      const arranged = plan(type);
      const numbers = (dims: readonly Dim[]): number[] =>
        dims.flatMap((dim) => (typeof dim === "number" ? [dim] : []));
      return {
        kind: "rearrange",
        split: numbers(arranged?.split ?? []),
        order: [...(arranged?.order ?? [])],
        shape: numbers(arranged?.shape ?? []),
      };
    },
    follow(layout, type) {
      const arranged = plan(type);
      // A merged axis of which one part was reduced has no shape to broadcast in.
      if (arranged === null || arranged.merges || arranged.split.length !== layout.length)
        return null;
      const moved = arranged.order.map((axis) => layout[axis] ?? 1);
      return moved.length === arranged.shape.length ? moved : null;
    },
    fit: null,
  };
}
