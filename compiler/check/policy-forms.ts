/** The forms that policies are written in: `norm(1.0)`, `patience(5 epochs, on: val.loss)`. */

import type { Argument, Expr, Formal } from "../../grammar/ast.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { unknownPolicy } from "../../grammar/diagnostics/training.js";
import type { Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import { type Bound, bindArguments } from "./bind.js";
import { type Frame, report } from "./frame.js";
import { isKnown } from "./read.js";
import { signature } from "./signature.js";

/** The formals of each form, by key and name; an argument called `metric` or `on` names a metric. */
export const policyForms: Readonly<
  Record<string, Readonly<Record<string, readonly Formal[]>> | undefined>
> = {
  clip_grad: {
    norm: signature("norm(max: float, skip_above: float | none = none)"),
    value: signature("value(max: float)"),
  },
  ema: { decay: signature("decay(rate: float)") },
  early_stop: {
    patience: signature("patience(over, on, min_delta: float = 0, mode: max | min | none = none)"),
  },
  log: { jsonl: signature("jsonl()"), tensorboard: signature('tensorboard(folder: path = "")') },
  on_nan: { stop: signature("stop(dump: bool = false)") },
  on_oom: { halve_microbatch: signature("halve_microbatch(min: int = 1)") },
  precision: {
    f32: signature("f32()"),
    bf16: signature(
      "bf16(keep_f32: word[] = [], require: bool = false, weights: f32 | bf16 = f32, update: nearest | stochastic = nearest)",
    ),
    f16: signature("f16(keep_f32: word[] = [], require: bool = false)"),
  },
  start: {
    best: signature("best(metric, mode: max | min | none = none)"),
    last: signature("last()"),
  },
  validate: { every: signature("every(interval)") },
  checkpoint: {
    best: signature("best(metric, keep: int = 1, mode: max | min | none = none)"),
    last: signature("last(every)"),
    every: signature("every(interval, keep: int | all = all)"),
  },
};

/** A policy that is one of its key's forms. */
export interface Policy {
  readonly form: string;
  readonly bound: ReadonlyMap<string, Bound>;
  /** `val.loss` of `on: val.loss`. */
  readonly metric: { readonly name: string; readonly span: Span } | null;
  readonly span: Span;
}

const metricArguments = ["metric", "on"];

/** Reads `form(…)` or a bare `form`; `null` when it is none of the key's, which is reported. */
export function policyOf(frame: Frame, key: string, expr: Expr): Policy | null {
  const forms = policyForms[key] ?? {};
  const names = Object.keys(forms);
  const callee = expr.kind === "call" ? expr.callee : expr;
  if (expr.kind === "broken") return null;
  if (callee.kind !== "name") {
    const expected = names.map((name) => `\`${name}(…)\``).join(" or ");
    report(
      frame,
      wrongType,
      { what: `\`${key}\``, expected, found: "another expression" },
      expr.span,
    );
    return null;
  }
  const formals = forms[callee.name];
  if (formals === undefined) {
    const { name } = callee;
    const suggestion = suggest(name, names);
    report(frame, unknownPolicy, { key, name, suggestion, forms: names }, callee.span);
    return null;
  }
  const args = expr.kind === "call" ? expr.args : [];
  const wanted = formals.find(({ name }) => metricArguments.includes(name.text))?.name.text;
  const position = formals.findIndex(({ name }) => name.text === wanted);
  const given = args.find(
    ({ name }, i) =>
      wanted !== undefined && (name === null ? i === position : name.text === wanted),
  );
  const metric = given === undefined ? null : pathText(given.value);
  if (given !== undefined && metric === null) {
    const what = `\`${wanted ?? ""}\` of \`${callee.name}\``;
    const expected = "a metric such as `val.loss`";
    report(frame, wrongType, { what, expected, found: "another expression" }, given.value.span);
    return null;
  }
  const call = {
    callee: callee.name,
    inputs: [],
    args: args.map((each) => (each === given ? standIn(each) : each)),
    span: expr.span,
  };
  const bound = bindArguments(frame, frame, formals, call);
  if (bound === null || [...bound.values()].some(({ meaning }) => !isKnown(meaning))) return null;
  return {
    form: callee.name,
    bound,
    metric:
      given === undefined || metric === null ? null : { name: metric, span: given.value.span },
    span: expr.span,
  };
}

/** A metric is named, not evaluated. */
const standIn = (argument: Argument): Argument => ({
  ...argument,
  value: { kind: "bool", value: true, span: argument.value.span },
});

/** `val.auroc` as text. */
export function pathText(expr: Expr): string | null {
  if (expr.kind === "name") return expr.name;
  if (expr.kind !== "member") return null;
  const object = pathText(expr.object);
  return object === null ? null : `${object}.${expr.member.text}`;
}

/** The items of `[a, b]`, or a single one. */
export const itemsOf = (expr: Expr): readonly Expr[] =>
  expr.kind === "list" ? expr.items : [expr];
