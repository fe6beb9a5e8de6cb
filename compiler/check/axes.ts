/** Names of axes: how the results of ops take them from operands, and blocks from their callers. */

import type { Name, Port, TypeNode } from "../../grammar/ast.js";
import { axesDiffer } from "../../grammar/diagnostics/axes.js";
import type { Span } from "../../grammar/source.js";
import type { Dim } from "../ir/dim.js";
import type { TensorType } from "../ir/type.js";
import type { Op } from "../ops/define.js";
import { type Inferred, scopeOf } from "../ops/kit/infer-op.js";
import { type Frame, report } from "./frame.js";
import { nameMeaning } from "./names.js";
import { asDim, type AxisNames, type Meaning, tensorOf } from "./value.js";

/** One operand of an op: its type, the names of its axes, and where it stands. */
export interface NamedOperand {
  readonly type: TensorType;
  readonly axes: AxisNames | undefined;
  readonly span: Span;
}

/** Names of an op's results; `differ` when two operands are at odds, which has been reported. */
type ResultAxes = readonly (AxisNames | undefined)[] | "differ";

/**
 * An axis of a result that the op's sharding rule ties to an axis of an operand has its name. Two
 * dims of the block that meet element by element under different names are a mistake; a label that
 * only a pattern knows is no claim, and gives way.
 */
export function resultAxes(
  frame: Frame,
  op: Op,
  operands: readonly NamedOperand[],
  { attrs, outputs }: Inferred,
  span: Span,
): ResultAxes {
  if (operands.every(({ axes }) => axes === undefined)) return outputs.map(() => undefined);
  const isElementwise = op.traits?.includes("elementwise") ?? false;
  const shared = isElementwise ? sharedNames(operands, outputs) : undefined;
  if (shared !== undefined) return outputs.map(() => shared);
  const types = operands.map(({ type }) => type);
  const rule = op.sharding(scopeOf(op, types, attrs));
  const found = new Map<string, { readonly name: string | null; readonly operand: NamedOperand }>();
  for (const [i, operand] of operands.entries())
    for (const [axis, factor] of (rule.operands[i] ?? []).entries()) {
      const name = operand.axes?.[axis] ?? null;
      if (factor === null || name === null) continue;
      const known = found.get(factor);
      if (known === undefined) found.set(factor, { name, operand });
      else if (known.name !== null && known.name !== name) {
        const [left, right] = [known.name, name].map(
          (each) => dimNamed(frame, each, span) !== null,
        );
        if (left === true && right === true && isElementwise && operand.type.shape[axis] !== 1) {
          report(frame, axesDiffer, { left: known.name, right: name }, span, [
            { span: known.operand.span, text: `this axis is called \`${known.name}\`` },
            { span: operand.span, text: `here it is called \`${name}\`` },
          ]);
          return "differ";
        }
        const kept = left === right ? null : left === true ? known.name : name;
        found.set(factor, { name: kept, operand });
      }
    }
  return rule.results.map((factors) =>
    axesOrNone(
      factors.map((factor) => (factor === null ? null : (found.get(factor)?.name ?? null))),
    ),
  );
}

/** The names of a result whose operands are scalars or have all of its axes, equally named. */
function sharedNames(
  operands: readonly NamedOperand[],
  outputs: Inferred["outputs"],
): AxisNames | undefined {
  const rank = outputs[0]?.shape.length ?? 0;
  const [first, ...others] = operands.filter(({ type }) => type.shape.length > 0);
  const isPlain =
    first?.axes !== undefined &&
    first.type.shape.length === rank &&
    others.every(
      ({ axes, type }) =>
        type.shape.length === rank &&
        (axes === first.axes || (axes?.every((name, i) => name === first.axes?.[i]) ?? false)),
    );
  return isPlain ? first.axes : undefined;
}

/** No names at all are no list of names. */
export const axesOrNone = (axes: AxisNames): AxisNames | undefined =>
  axes.some((name) => name !== null) ? axes : undefined;

/** The dim that a name stands for where it is written: a local, or a constant of the module. */
export function dimNamed(frame: Frame, name: string, span: Span): Dim | null {
  const meaning = nameMeaning(frame, name, { kind: "name", name, span });
  return meaning === null ? null : asDim(meaning);
}

/** What a block's axes are called by its caller. */
export interface CallerAxes {
  /** By the block's own name; `null` where the inputs are at odds. */
  readonly names: ReadonlyMap<string, string | null>;
  /** Of the axes that `...` stands for. */
  readonly run: AxisNames;
}

/** What the axes of the inputs that arrive at ports are called outside of the block. */
export function callerAxes(
  inputs: readonly { readonly port: Port; readonly meaning: Meaning }[],
): CallerAxes {
  const names = new Map<string, string | null>();
  let run: AxisNames = [];
  for (const { port, meaning } of inputs) collect(port.type, meaning);
  return { names, run };

  function collect(type: TypeNode, meaning: Meaning): void {
    if (type.kind === "list-type" && meaning.kind === "list")
      for (const item of meaning.items) collect(type.item, item);
    if (meaning.kind !== "tensor" || meaning.axes === undefined) return;
    const { axes } = meaning;
    for (const [i, name] of declaredAxes(type, axes.length).entries()) {
      const outer = axes[i] ?? null;
      if (name === null || outer === null) continue;
      const known = names.get(name);
      names.set(name, known === undefined || known === outer ? outer : null);
    }
    const [from, to] = runOf(type, axes.length);
    if (to > from && run.length === 0) run = axes.slice(from, to);
  }
}

/** An input as its block sees it: its axes are called what its port's type calls them. */
export const withPortAxes = (type: TypeNode, meaning: Meaning): Meaning =>
  renamed(type, meaning, (item, { length }) => declaredAxes(item, length));

/**
 * An output as the caller sees it: `T = …` gives a name, a bare name that an input has is the
 * caller's, all other axes have none.
 */
export const withCallerAxes = (type: TypeNode, meaning: Meaning, caller: CallerAxes): Meaning =>
  renamed(type, meaning, (item, { length }) => {
    const [from, to] = runOf(item, length);
    return spread(item, length, (name, isGiven) =>
      isGiven ? name : (caller.names.get(name) ?? null),
    ).map((name, i) => (i >= from && i < to ? (caller.run[i - from] ?? null) : name));
  });

/** The items of a list are of the type of its items. */
function renamed(
  type: TypeNode,
  meaning: Meaning,
  namesOf: (type: TypeNode, shape: readonly Dim[]) => AxisNames,
): Meaning {
  if (type.kind === "list-type" && meaning.kind === "list")
    return { kind: "list", items: meaning.items.map((item) => renamed(type.item, item, namesOf)) };
  if (type.kind !== "tensor-type" || meaning.kind !== "tensor") return meaning;
  const { value } = meaning;
  return tensorOf(value, axesOrNone(namesOf(type, value.type.shape)));
}

/** The names a type gives by `T = …` alone, for what has no caller: weights, states, carries. */
export const givenAxes = (type: TypeNode, rank: number): AxisNames | undefined =>
  axesOrNone(spread(type, rank, (name, isGiven) => (isGiven ? name : null)));

const declaredAxes = (type: TypeNode, rank: number): AxisNames =>
  spread(type, rank, (name) => name);

/** One entry per axis: what `choose` makes of the name that a type writes for it. */
function spread(
  type: TypeNode,
  rank: number,
  choose: (name: string, isGiven: boolean) => string | null,
): AxisNames {
  if (type.kind !== "tensor-type") return [];
  const [from, to] = runOf(type, rank);
  const named = type.dims.map(({ axis, size }) =>
    axis !== null
      ? choose(axis.text, true)
      : size?.kind === "name"
        ? choose(size.name, false)
        : null,
  );
  const dots = type.dims.findIndex(({ kind }) => kind === "ellipsis");
  return dots < 0
    ? named
    : named.toSpliced(dots, 1, ...Array.from({ length: to - from }, () => null));
}

/** The axes that `...` stands for, from and to; empty without it. */
function runOf(type: TypeNode, rank: number): readonly [number, number] {
  if (type.kind !== "tensor-type") return [0, 0];
  const dots = type.dims.findIndex(({ kind }) => kind === "ellipsis");
  return dots < 0 ? [0, 0] : [dots, dots + Math.max(0, rank - type.dims.length + 1)];
}

/** Where a tensor has an axis of this name: none, one or several places. */
export const placesOf = (meaning: Meaning, axis: Name | null): readonly number[] =>
  meaning.kind === "tensor" && axis !== null
    ? (meaning.axes ?? []).flatMap((name, place) => (name === axis.text ? [place] : []))
    : [];
