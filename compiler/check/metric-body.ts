/** Applies a declared metric: what it accumulates over batches, and what it makes of that at the end. */

import type {
  AccumulatorMember,
  AssignMember,
  Formal,
  LetMember,
  MetricDecl,
  Name,
  Port,
} from "../../grammar/ast.js";
import {
  metricWithoutValue,
  readsAccumulated,
  readsBatch,
} from "../../grammar/diagnostics/metrics.js";
import { alreadyDefined } from "../../grammar/diagnostics/names.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import type { Dim } from "../ir/dim.js";
import type { Value } from "../ir/graph.js";
import type { TensorType } from "../ir/type.js";
import type { ModuleScope } from "../modules.js";
import { reduceBatch } from "./accumulator.js";
import { withPortAxes } from "./axes.js";
import { type Bound, bindArguments, type CallSite } from "./bind.js";
import { isOfGroups } from "./data/groups.js";
import { moduleFrame } from "./definitions.js";
import { destructure, spread } from "./destructure.js";
import { createElaboration } from "./elaboration.js";
import { bindConstants } from "./inputs.js";
import {
  bind,
  bindLazily,
  cannotCarryOut,
  createScope,
  type Elaboration,
  evaluate,
  type Frame,
  report,
} from "./frame.js";
import { namesRead } from "./names-read.js";
import { typeOf } from "./ports.js";
import { solveInputs } from "./solve.js";
import { describe, dimMeaning, type Meaning, tensorOf, unknown } from "./value.js";

/** One accumulator: a batch's share of it in the graph at hand, its total in the closing graph. */
export interface Accumulator {
  /** Unique among the metrics of a train: `f1.tp`. */
  readonly key: string;
  readonly reduction: AccumulatorMember["reduction"];
  readonly batch: Value;
  readonly type: TensorType;
}

/** A value that a metric gives at the end, in the closing graph. */
export interface MetricResult {
  /** `value` or another assigned name. */
  readonly name: string;
  readonly value: Value;
}

export interface AppliedMetric {
  readonly accumulators: readonly Accumulator[];
  readonly results: readonly MetricResult[];
}

/** The graph that turns totals into results: no records, no padding. */
export const closingElaboration = (batch: Elaboration): Elaboration => ({
  ...createElaboration(batch),
  facts: batch.facts,
  generic: batch.generic,
  recordAxis: null,
});

/** What a call of the metric fills: tensors first (formals without a type, then ports), then settings. */
export const metricFormals = ({ formals, members }: MetricDecl): readonly Formal[] => [
  ...formals.filter(({ type }) => type === null),
  ...portsOf(members).map(({ name, value, span }) => ({ name, type: null, value, span })),
  ...formals.filter(({ type }) => type !== null),
];

const portsOf = (members: MetricDecl["members"]): readonly Port[] =>
  members.filter((member): member is Port => member.kind === "port" && member.direction === "in");

/** `key` names its accumulators; `null` when it is wrong, which has been reported. */
export function callMetric(
  frame: Frame,
  closing: Elaboration,
  metric: { readonly declaration: MetricDecl; readonly module: ModuleScope },
  call: CallSite,
  key: string,
): AppliedMetric | null {
  const { declaration, module } = metric;
  const home = moduleFrame(frame, module);
  const bound = bindArguments(frame, home, metricFormals(declaration), call);
  if (bound === null || [...bound.values()].some(({ meaning }) => meaning.kind === "unknown"))
    return null;
  return applyMetric(frame, closing, metric, bound, { key, span: call.span });
}

/** The same with its formals bound. */
export function applyMetric(
  frame: Frame,
  closing: Elaboration,
  { declaration, module }: { readonly declaration: MetricDecl; readonly module: ModuleScope },
  bound: ReadonlyMap<string, Bound>,
  { key, span }: { readonly key: string; readonly span: Span },
): AppliedMetric | null {
  frame.elaboration.applied.add(declaration);
  const home = moduleFrame(frame, module);
  const base: Frame = {
    ...home,
    path: "metric",
    trail: [...frame.trail, { name: declaration.name.text, span, declaration }],
  };
  if (!hasSoundNames(base, declaration)) return null;
  /** Names that both parts may read: settings, dims, constants. */
  const shared = createScope(home.scope);
  const batch: Frame = { ...base, scope: createScope(shared) };
  const finish: Frame = { ...base, elaboration: closing, scope: createScope(shared) };
  const ofBatch = new Set<string>();
  const ofFinish = new Set<string>();
  const take = (name: Name, meaning: Meaning): void => {
    if (!holdsTensor(meaning)) return bind(shared, name.text, meaning, name.span);
    ofBatch.add(name.text);
    bind(batch.scope, name.text, meaning, name.span);
  };
  for (const { name } of declaration.formals) take(name, bound.get(name.text)?.meaning ?? unknown);
  const ports = portsOf(declaration.members);
  const inputs = ports.map((port) => {
    const { meaning, span: place } = bound.get(port.name.text) ?? { meaning: unknown, span };
    return { port, meaning, span: place };
  });
  const solved = solveInputs(frame, { ...base, scope: shared }, declaration, inputs);
  if (solved === null) return null;
  for (const [name, dim] of solved.dims) bind(shared, name, dimMeaning(dim));
  for (const [name, complain] of solved.open)
    bindLazily(shared, name, () => (complain(), unknown), span);
  bindConstants({ ...base, scope: shared }, declaration);
  for (const { port, meaning } of inputs) take(port.name, withPortAxes(port.type, meaning));
  const { valid } = frame.elaboration;
  ofBatch.add("valid");
  bind(batch.scope, "valid", valid === null ? unknown : tensorOf(valid));

  const accumulators: Accumulator[] = [];
  const results: MetricResult[] = [];
  let sound = true;
  for (const member of declaration.members)
    switch (member.kind) {
      case "port":
      case "const":
        break;
      case "let":
        runLet(member);
        break;
      case "accumulator":
        accumulate(member);
        break;
      case "assign":
        assign(member);
        break;
    }
  if (!sound) return null;
  if (results.every(({ name }) => name !== "value")) {
    report(base, metricWithoutValue, { metric: declaration.name.text }, declaration.name.span);
    return null;
  }
  return { accumulators, results };

  /** A line that reads a total belongs to the end; any other is computed for each batch. */
  function runLet({ names, value }: LetMember): void {
    const reads = namesRead(value);
    const atEnd = reads.some(({ name }) => ofFinish.has(name));
    if (atEnd) {
      for (const { text } of names) ofFinish.add(text);
      return destructure(finish, names, mayRunAtEnd(value) ? evaluate(finish, value) : unknown);
    }
    const meaning = evaluate(batch, value);
    if (names.length === 1 && names[0] !== undefined) return take(names[0], meaning);
    if (holdsTensor(meaning) || meaning.kind === "unknown")
      for (const { text } of names) ofBatch.add(text);
    destructure(holdsTensor(meaning) ? batch : { ...batch, scope: shared }, names, meaning);
  }

  function accumulate(member: AccumulatorMember): void {
    const { name, reduction } = member;
    const total = namesRead(member.value).find((read) => ofFinish.has(read.name));
    ofFinish.add(name.text);
    const type =
      member.type.kind === "tensor-type" ? typeOf(batch, member.type, solved?.run ?? null) : null;
    if (member.type.kind !== "tensor-type")
      report(
        batch,
        wrongType,
        {
          what: `the type of \`${name.text}\``,
          expected: "a tensor type such as `f32[]`",
          found: "another type",
        },
        member.type.span,
      );
    if (total !== undefined)
      report(batch, readsAccumulated, { name: total.name, accumulator: name.text }, total.span);
    const value =
      type === null || total !== undefined
        ? null
        : reduceBatch(batch, member, type, evaluate(batch, member.value));
    if (value !== null && type !== null) {
      const own = `${key}.${name.text}`;
      accumulators.push({ key: own, reduction, batch: value, type });
      bind(
        finish.scope,
        name.text,
        tensorOf(closing.builder.input(`total:${own}`, type)),
        name.span,
      );
      const { groups } = base.elaboration;
      const isSettled = (dim: Dim): boolean => typeof dim === "number" || isOfGroups(dim, groups);
      if (!type.shape.every(isSettled) && !closing.generic)
        cannotCarryOut(
          base,
          "an accumulator whose size is not known before the data are read",
          member.span,
        );
      return;
    }
    sound = false;
    bind(finish.scope, name.text, unknown, name.span);
  }

  function assign({ names, value }: AssignMember): void {
    const meaning = mayRunAtEnd(value) ? evaluate(finish, value) : unknown;
    const values = spread(finish, names, meaning);
    for (const [i, name] of names.entries()) {
      ofFinish.add(name.text);
      const result = values[i] ?? unknown;
      bind(finish.scope, name.text, result, name.span);
      const tensor = tensorFrom(closing, result);
      if (tensor !== null) results.push({ name: name.text, value: tensor });
      else {
        sound = false;
        if (result.kind !== "unknown")
          report(
            finish,
            wrongType,
            {
              what: `\`${name.text}\` of a metric`,
              expected: "a number or a tensor",
              found: describe(result),
            },
            value.span,
          );
      }
    }
  }

  /** Reports the first value of a batch that a line at the end reads. */
  function mayRunAtEnd(value: AssignMember["value"]): boolean {
    const read = namesRead(value).find(({ name }) => ofBatch.has(name));
    if (read === undefined) return true;
    sound = false;
    report(base, readsBatch, { name: read.name }, read.span);
    return false;
  }
}

/** Whether every name is given once and there are no outputs; the first that is not is reported. */
function hasSoundNames(frame: Frame, declaration: MetricDecl): boolean {
  for (const member of declaration.members) {
    if (member.kind !== "port") continue;
    const { direction, guard, span } = member;
    if (direction === "in" && guard === null) continue;
    const [expected, found] =
      direction === "out" ? ["`in`", "`out`"] : ["without a condition", "one"];
    report(frame, wrongType, { what: "a port of a metric", expected, found }, guard?.span ?? span);
    return false;
  }
  const names = [
    ...declaration.formals.map(({ name }) => name),
    ...declaration.members.flatMap((member) =>
      member.kind === "let" || member.kind === "assign" ? member.names : [member.name],
    ),
  ].filter(({ text }) => text !== "_");
  const seen = new Map<string, Name>();
  for (const name of names) {
    const earlier = seen.get(name.text);
    seen.set(name.text, name);
    if (earlier === undefined && name.text !== "valid") continue;
    report(
      frame,
      alreadyDefined,
      { name: name.text },
      name.span,
      earlier === undefined ? [] : [{ span: earlier.span, text: "first defined here" }],
    );
    return false;
  }
  return true;
}

const holdsTensor = (meaning: Meaning): boolean =>
  meaning.kind === "tensor" ||
  (meaning.kind === "tuple" && meaning.items.some(({ value }) => holdsTensor(value))) ||
  (meaning.kind === "list" && meaning.items.some(holdsTensor));

/** A tensor of the closing graph, or a number or truth as a constant in it. */
function tensorFrom({ builder }: Elaboration, meaning: Meaning): Value | null {
  switch (meaning.kind) {
    case "tensor":
      return meaning.value;
    case "int":
    case "float":
      return builder.constant(meaning.value, "f64");
    case "bool":
      return builder.constant(Number(meaning.value), "f64");
    default:
      return null;
  }
}
