/** Evaluates the metrics of a train: calls of declared metrics, and of the language's own curves. */

import type { Argument, AssignMember, Expr, MetricsMember } from "../../grammar/ast.js";
import { alreadyDefined, unknownName } from "../../grammar/diagnostics/names.js";
import { shapesDiffer, wrongType } from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import { sameShape } from "../ir/dim.js";
import type { NamedValue, Value } from "../ir/graph.js";
import { printType } from "../ir/type.js";
import { bindArguments, type CallSite } from "./bind.js";
import { checkGroupsRead } from "./data/groups.js";
import { type Elaboration, evaluate, type Frame, report } from "./frame.js";
import {
  type Accumulator,
  type AppliedMetric,
  callMetric,
  closingElaboration,
} from "./metric-body.js";
import type { AppliedModel } from "./model.js";
import { nameMeaning } from "./names.js";
import { signature } from "./signature.js";
import { describe, type Meaning, type TupleItem } from "./value.js";

/** One number, or several, that a split is measured by. */
export interface EvaluatedMetric {
  readonly split: "val" | "test";
  /** `f1`; `ttd.detected` for a further result. */
  readonly name: string;
  readonly measure:
    | {
        readonly kind: Curve;
        readonly logits: Value;
        readonly labels: Value;
        readonly within: Value | null;
      }
    /** An output of the closing graph. */
    | { readonly kind: "result"; readonly result: string; readonly value: Value };
  /** `null` when neither more nor less is better. */
  readonly better: "max" | "min" | null;
  readonly span: Span;
}

export interface EvaluatedMetrics {
  readonly metrics: readonly EvaluatedMetric[];
  readonly accumulators: readonly Accumulator[];
  /** The graph that turns totals into results, and its outputs. */
  readonly closing: Elaboration;
  readonly results: readonly NamedValue[];
}

export const noMetrics = (model: AppliedModel): EvaluatedMetrics => ({
  metrics: [],
  accumulators: [],
  closing: closingElaboration(model.elaboration),
  results: [],
});

const splitNames = ["val", "test"] as const;
type Split = (typeof splitNames)[number];

/** What is wrong has been reported and is left out. */
export function evaluateMetrics(
  model: AppliedModel,
  members: readonly MetricsMember[],
): EvaluatedMetrics {
  const { frame } = model;
  const closing = closingElaboration(model.elaboration);
  const metrics: EvaluatedMetric[] = [];
  const accumulators: Accumulator[] = [];
  const results: NamedValue[] = [];
  const places = new Map<string, Span>();
  for (const member of members) {
    const splits = splitsOf(frame, member);
    for (const assign of splits === null ? [] : member.assigns) {
      const [name] = assign.names;
      const own = (splits ?? []).map((split) => `${split}.${name?.text ?? ""}`);
      const double = own.find((path) => places.has(path));
      if (double !== undefined) {
        const earlier = places.get(double);
        const labels = earlier === undefined ? [] : [{ span: earlier, text: "first defined here" }];
        report(frame, alreadyDefined, { name: double }, assign.span, labels);
        continue;
      }
      for (const path of own) places.set(path, assign.span);
      const prefix = member.split === null ? "" : `${member.split.text}.`;
      const before = frame.elaboration.groups.read.length;
      const measured = evaluateMetric(frame, closing, assign, prefix);
      if (name !== undefined) checkGroupsRead(frame, name, splits ?? [], before);
      if (measured === null) continue;
      for (const split of splits ?? [])
        metrics.push(...measured.parts.map((part) => ({ ...part, split, span: assign.span })));
      accumulators.push(...measured.accumulators);
      for (const { measure } of measured.parts)
        if (measure.kind === "result") results.push({ name: measure.result, value: measure.value });
    }
  }
  return { metrics, accumulators, closing, results };
}

function splitsOf(frame: Frame, { split, span }: MetricsMember): readonly Split[] | null {
  if (split === null) return splitNames;
  const known = splitNames.find((name) => name === split.text);
  if (known !== undefined) return [known];
  report(
    frame,
    unknownName,
    { name: split.text, suggestion: suggest(split.text, splitNames) },
    split.span ?? span,
  );
  return null;
}

/** The parts of one line: its value and further results. */
interface Measured {
  readonly name: string;
  readonly parts: readonly Omit<EvaluatedMetric, "split" | "span">[];
  readonly accumulators: readonly Accumulator[];
}

function evaluateMetric(
  frame: Frame,
  closing: Elaboration,
  { names: [name], value: expr }: AssignMember,
  prefix: string,
): Measured | null {
  if (name === undefined || expr.kind === "broken") return null;
  const called = calledBy(frame, expr);
  if (called === null) {
    report(
      frame,
      wrongType,
      {
        what: "a metric",
        expected: "a call such as `accuracy(logits, label)`",
        found: "another expression",
      },
      expr.span,
    );
    return null;
  }
  const { callee, call } = called;
  if (
    callee.kind === "name" &&
    isCurve(callee.name) &&
    nameMeaning(frame, callee.name, callee) === null
  ) {
    const measure = evaluateCurve(frame, callee.name, call);
    return measure === null
      ? null
      : { name: name.text, parts: [{ name: name.text, measure, better: "max" }], accumulators: [] };
  }
  const meaning = evaluate(frame, callee);
  if (meaning.kind === "unknown") return null;
  const definition = meaning.kind === "definition" ? meaning.definition : null;
  if (definition === null || definition.declaration.kind !== "metric") {
    report(
      frame,
      wrongType,
      { what: "what a line of `metrics` calls", expected: "a metric", found: describe(meaning) },
      callee.span,
    );
    return null;
  }
  const { declaration, module } = definition;
  const key = `${prefix}${name.text}`;
  const applied = callMetric(frame, closing, { declaration, module }, call, key);
  return applied === null ? null : measuredBy(applied, name.text, key, declaration.better);
}

const measuredBy = (
  { accumulators, results }: AppliedMetric,
  name: string,
  key: string,
  better: EvaluatedMetric["better"],
): Measured => ({
  name,
  accumulators,
  parts: results.map((result) => {
    const isValue = result.name === "value";
    return {
      name: isValue ? name : `${name}.${result.name}`,
      measure: {
        kind: "result" as const,
        result: isValue ? key : `${key}.${result.name}`,
        value: result.value,
      },
      better: isValue ? better : null,
    };
  }),
});

/** `f(a, b)` or `(a, b) |> f(…)`. */
function calledBy(
  frame: Frame,
  expr: Expr,
): { readonly callee: Expr; readonly call: CallSite } | null {
  if (expr.kind === "call") {
    const call = { callee: textOf(expr.callee), inputs: [], args: expr.args, span: expr.span };
    return { callee: expr.callee, call };
  }
  if (expr.kind !== "pipe" || expr.step.kind !== "apply") return null;
  const { step, input } = expr;
  const inputs =
    input.kind === "tuple"
      ? input.items.map((item) => ({ ...pipedItem(frame, item), span: item.span }))
      : pipedValues(evaluate(frame, input)).map((item) => ({
          name: null,
          meaning: item.value,
          span: input.span,
        }));
  const call = { callee: textOf(step.callee), inputs, args: step.args ?? [], span: expr.span };
  return { callee: step.callee, call };
}

const pipedItem = (frame: Frame, { name, value }: Argument) => ({
  name: name?.text ?? null,
  meaning: evaluate(frame, value),
});

const pipedValues = (meaning: Meaning): readonly TupleItem[] =>
  meaning.kind === "tuple" ? meaning.items : [{ name: null, value: meaning }];

const textOf = (callee: Expr): string =>
  callee.kind === "name" ? callee.name : callee.kind === "member" ? callee.member.text : "this";

const curveFormals = {
  auroc: signature("auroc(logits, labels, within = none)"),
  auprc: signature("auprc(logits, labels, within = none)"),
} as const;
type Curve = keyof typeof curveFormals;

const isCurve = (name: string): name is Curve => name in curveFormals;

/** An area under a curve needs all scores at once: the runtime computes it. */
function evaluateCurve(
  frame: Frame,
  kind: Curve,
  call: CallSite,
): Extract<EvaluatedMetric["measure"], { kind: Curve }> | null {
  const bound = bindArguments(frame, frame, curveFormals[kind], call);
  if (bound === null) return null;
  const tensor = (key: string): Value | null => {
    const argument = bound.get(key);
    if (argument?.meaning.kind === "tensor") return argument.meaning.value;
    if (argument !== undefined && argument.meaning.kind !== "unknown")
      report(
        frame,
        wrongType,
        {
          what: `\`${key}\` of \`${kind}\``,
          expected: "a tensor",
          found: describe(argument.meaning),
        },
        argument.span,
      );
    return null;
  };
  const grouped = bound.get("within")?.meaning.kind !== "none";
  const logits = tensor("logits");
  const labels = tensor("labels");
  const within = grouped ? tensor("within") : null;
  if (logits === null || labels === null || (grouped && within === null)) return null;
  if (sameShape(logits.type.shape, labels.type.shape)) return { kind, logits, labels, within };
  report(
    frame,
    shapesDiffer,
    {
      what: "the label",
      expected: printType(logits.type).slice(logits.type.dtype.length),
      found: printType(labels.type),
    },
    bound.get("labels")?.span ?? call.span,
  );
  return null;
}

/** What a batch's graph must give for them. */
export const valuesRead = ({ metrics, accumulators }: EvaluatedMetrics): readonly Value[] => [
  ...accumulators.map(({ batch }) => batch),
  ...metrics.flatMap(({ measure }) =>
    measure.kind !== "result"
      ? [measure.logits, measure.labels, ...(measure.within === null ? [] : [measure.within])]
      : [],
  ),
];
