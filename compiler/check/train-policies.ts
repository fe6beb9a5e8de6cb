/** How updates are made and guarded: `accumulate`, `clip_grad`, `ema`, `early_stop`, `on_nan`, … */

import type { Expr } from "../../grammar/ast.js";
import { contradictoryKeys } from "../../grammar/diagnostics/training.js";
import { unknownName } from "../../grammar/diagnostics/names.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import type { Bound } from "./bind.js";
import { cannotCarryOut, evaluate, type Frame, report } from "./frame.js";
import { checkLog } from "./log.js";
import { choiceOf, lengthOf, type MetricChoice } from "./policies.js";
import { itemsOf, type Policy, policyOf } from "./policy-forms.js";
import { precisionOf } from "./precision.js";
import type { KeyValue, KeyValues } from "./train-keys.js";
import { type UpdatePolicies, updatePolicies } from "./update-policies.js";
import { asNumber, describe, none } from "./value.js";

/** What policies name and only the model or its metrics can settle. */
export interface NamedByPolicies {
  readonly choices: readonly MetricChoice[];
  /** Paths of instances whose activations are computed again. */
  readonly recompute: readonly PathExpr[];
  /** Outputs of the model that are stored once per record. */
  readonly precompute: readonly PathExpr[];
  readonly updates: UpdatePolicies;
}

/** A path written as a value. */
export interface PathExpr {
  readonly expr: Expr;
  readonly span: Span;
}

/**
 * Checks every policy in force. What is sound and not carried out is noted; `null` when one is
 * wrong, which is reported.
 */
export function checkPolicies(frame: Frame, values: KeyValues): NamedByPolicies | null {
  const choices: MetricChoice[] = [];
  let sound = true;
  for (const [key, check] of checks) {
    const given = values.get(key);
    if (given === undefined) continue;
    const choice = check(frame, given, key, values);
    if (choice === "wrong") sound = false;
    else if (choice !== null) choices.push(choice);
  }
  const needsEma = values.get("weights");
  if (
    sound &&
    needsEma?.value.kind === "name" &&
    needsEma.value.name === "ema" &&
    !values.has("ema")
  ) {
    const reason = "needs averaged weights, and the train has no `ema`";
    report(frame, contradictoryKeys, { what: "`weights: ema`", reason }, needsEma.span);
    sound = false;
  }
  if (!sound) return null;
  return {
    choices,
    recompute: pathsOf(values.get("recompute")),
    precompute: pathsOf(values.get("precompute")),
    updates: updatePolicies(frame, values),
  };
}

const pathsOf = (given: KeyValue | undefined): readonly PathExpr[] =>
  given === undefined ? [] : itemsOf(given.value).map((expr) => ({ expr, span: expr.span }));

/** A metric that the policy reads, nothing, or that it is wrong. */
type Check = (
  frame: Frame,
  given: KeyValue,
  key: string,
  values: KeyValues,
) => MetricChoice | null | "wrong";

const checks: readonly (readonly [string, Check])[] = [
  ["accumulate", accumulate],
  ["allow", allow],
  ["clip_grad", clipGrad],
  ["ema", ema],
  ["early_stop", earlyStop],
  ["log", checkLog],
  ["on_nan", onNan],
  ["on_oom", onOom],
  ["weights", weights],
  ["precision", (frame, given) => (precisionOf(frame, given) === null ? "wrong" : null)],
];

function accumulate(frame: Frame, { value }: KeyValue): null | "wrong" {
  const meaning = evaluate(frame, value);
  if (meaning.kind === "unknown") return "wrong";
  if (meaning.kind !== "int" || meaning.value < 1) {
    const expected = "a whole number of micro-batches, at least 1";
    const found = describe(meaning);
    report(frame, wrongType, { what: "`accumulate`", expected, found }, value.span);
    return "wrong";
  }
  return null;
}

/** What `on_oom` may change although results depend on it. */
const permissions = ["batch_statistics"];

function allow(frame: Frame, { value }: KeyValue): null | "wrong" {
  for (const item of itemsOf(value)) {
    if (item.kind === "name" && permissions.includes(item.name)) continue;
    if (item.kind === "name") {
      const suggestion = suggest(item.name, permissions) ?? permissions[0] ?? null;
      report(frame, unknownName, { name: item.name, suggestion }, item.span);
    } else if (item.kind !== "broken") {
      const expected = "`batch_statistics`";
      const found = "another expression";
      report(frame, wrongType, { what: "`allow`", expected, found }, item.span);
    }
    return "wrong";
  }
  return null;
}

function clipGrad(frame: Frame, { value, span }: KeyValue, key: string): null | "wrong" {
  const policy = policyOf(frame, key, value);
  if (policy === null) return "wrong";
  const max = numberOf(policy, "max");
  const above = policy.bound.get("skip_above");
  if (!positive(frame, policy, "max")) return "wrong";
  const limit = asNumber(above?.meaning ?? none);
  if (limit !== null && max !== null && limit <= max) {
    const what = "`skip_above` of `norm`";
    const found = String(limit);
    report(frame, wrongType, { what, expected: `more than ${max}`, found }, above?.span ?? span);
    return "wrong";
  }
  return null;
}

function ema(frame: Frame, { value, span }: KeyValue, key: string): null | "wrong" {
  const policy = policyOf(frame, key, value);
  if (policy === null) return "wrong";
  const rate = numberOf(policy, "rate");
  if (rate === null || rate <= 0 || rate >= 1) {
    const what = "`rate` of `decay`";
    const found = String(rate);
    const place = policy.bound.get("rate")?.span ?? span;
    report(frame, wrongType, { what, expected: "between 0 and 1", found }, place);
    return "wrong";
  }
  return null;
}

function earlyStop(frame: Frame, { value, span }: KeyValue, key: string) {
  const policy = policyOf(frame, key, value);
  if (policy === null || lengthOf(frame, policy, "over") === null) return "wrong";
  const delta = numberOf(policy, "min_delta");
  if (delta === null || delta < 0) {
    const what = "`min_delta` of `patience`";
    const place = policy.bound.get("min_delta")?.span ?? span;
    report(frame, wrongType, { what, expected: "at least 0", found: String(delta) }, place);
    return "wrong";
  }
  return choiceOf(policy);
}

/** Of one batch, an update that went wrong is run again; of several, it is not. */
function onNan(
  frame: Frame,
  { value, span }: KeyValue,
  key: string,
  values: KeyValues,
): null | "wrong" {
  const policy = policyOf(frame, key, value);
  if (policy === null) return "wrong";
  const dump = policy.bound.get("dump")?.meaning;
  const accumulate = values.get("accumulate")?.value;
  const batches = accumulate === undefined ? 1 : asNumber(evaluate(frame, accumulate));
  if (dump?.kind !== "bool" || !dump.value) return null;
  if (batches !== 1) cannotCarryOut(frame, "`dump` of `on_nan` with `accumulate`", span);
  else if (values.has("on_oom")) cannotCarryOut(frame, "`dump` of `on_nan` with `on_oom`", span);
  return null;
}

/** Batches are one size in all stages: halves of them are a matter of the whole train. */
function onOom(frame: Frame, { value, span, byStage }: KeyValue, key: string): null | "wrong" {
  const policy = policyOf(frame, key, value);
  if (policy === null || !positive(frame, policy, "min")) return "wrong";
  if (byStage === true) cannotCarryOut(frame, "`on_oom` in a stage", span);
  return null;
}

const weightKinds = ["trained", "ema"];

function weights(frame: Frame, { value }: KeyValue): null | "wrong" {
  const name = value.kind === "name" ? value.name : "";
  // That of `ema` there must be some is checked for the train as a whole.
  if (weightKinds.includes(name)) return null;
  const found = value.kind === "name" ? `\`${name}\`` : "another expression";
  report(
    frame,
    wrongType,
    { what: "`weights`", expected: "`trained` or `ema`", found },
    value.span,
  );
  return "wrong";
}

const numberOf = ({ bound }: Policy, name: string): number | null =>
  asNumber(bound.get(name)?.meaning ?? none);

function positive(frame: Frame, policy: Policy, name: string): boolean {
  const number = numberOf(policy, name);
  if (number !== null && number > 0) return true;
  const given: Bound | undefined = policy.bound.get(name);
  const what = `\`${name}\` of \`${policy.form}\``;
  const found = String(number);
  report(frame, wrongType, { what, expected: "greater than 0", found }, given?.span ?? policy.span);
  return false;
}
