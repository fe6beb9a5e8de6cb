/** When a train validates, which checkpoints it keeps, and what it aims at. */

import type { Expr, ObjectiveMember } from "../../grammar/ast.js";
import { unitMismatch, wrongType } from "../../grammar/diagnostics/types.js";
import { printSpan, type Span } from "../../grammar/source.js";
import type { Duration, Objective } from "../plan/schema.js";
import { cannotCarryOut, evaluate, type Frame, report } from "./frame.js";
import { itemsOf, pathText, type Policy, policyOf } from "./policy-forms.js";
import { describe } from "./value.js";

/** A metric of validation by which something is chosen. */
export interface MetricChoice {
  readonly metric: string;
  /** `null`: as the metric says. */
  readonly mode: "max" | "min" | null;
  readonly span: Span;
}

/** By what metric of validation the best weights are chosen, and how many are kept. */
export interface BestPolicy extends MetricChoice {
  readonly keep: number;
}

/** What `checkpoint:` says. */
export interface CheckpointPolicy {
  readonly lastEvery: Duration;
  readonly best: BestPolicy | null;
  /** Checkpoints that stay: all of them, or the latest so many. */
  readonly every: { readonly interval: Duration; readonly keep: number | "all" } | null;
}

const onceAnEpoch: Duration = { amount: 1, unit: "epoch" };

/** `every(1 epochs)`; without it, once per epoch. `null` when it is wrong, which is reported. */
export function validateEvery(frame: Frame, expr: Expr | null): Duration | null {
  if (expr === null) return onceAnEpoch;
  const policy = policyOf(frame, "validate", expr);
  return policy === null ? null : lengthOf(frame, policy, "interval");
}

const units: readonly string[] = ["step", "epoch"];
const clockUnits: readonly string[] = ["second", "minute", "hour"];

/** A positive length in steps or epochs; with a clock, also one that this version cannot follow. */
export function lengthOf(
  frame: Frame,
  { bound, form, span }: Policy,
  key: string,
  clock: "clock" | "updates" = "updates",
): Duration | null {
  const given = bound.get(key);
  const { meaning } = given ?? { meaning: { kind: "none" as const } };
  const known = clock === "clock" ? [...units, ...clockUnits] : units;
  if (meaning.kind === "quantity" && meaning.value > 0 && known.includes(meaning.unit)) {
    if (meaning.unit === "step" || meaning.unit === "epoch")
      return { amount: meaning.value, unit: meaning.unit };
    cannotCarryOut(frame, "a length of time on the clock", given?.span ?? span);
    return onceAnEpoch;
  }
  if (meaning.kind !== "unknown") {
    const what = `\`${key}\` of \`${form}\``;
    const expected = "a positive number of `steps` or `epochs`";
    report(frame, unitMismatch, { what, expected, found: describe(meaning) }, given?.span ?? span);
  }
  return null;
}

/** `[best(val.auroc, keep: 3), last(every: 1 epochs), every(5 epochs, keep: all)]`. */
export function checkpointOf(frame: Frame, expr: Expr | null): CheckpointPolicy | null {
  let lastEvery: Duration = onceAnEpoch;
  let best: BestPolicy | null = null;
  let kept: CheckpointPolicy["every"] = null;
  const seen = new Map<string, Span>();
  for (const item of expr === null ? [] : itemsOf(expr)) {
    const policy = policyOf(frame, "checkpoint", item);
    if (policy === null) return null;
    const earlier = seen.get(policy.form);
    if (earlier !== undefined) {
      const what = `\`${policy.form}\` of \`checkpoint\``;
      const labels = [{ span: earlier, text: "first given here" }];
      report(frame, wrongType, { what, expected: "given once", found: "two" }, item.span, labels);
      return null;
    }
    seen.set(policy.form, item.span);
    const keep = policy.bound.get("keep");
    if (keep?.meaning.kind === "int" && keep.meaning.value < 1) {
      const what = `\`keep\` of \`${policy.form}\``;
      const found = String(keep.meaning.value);
      report(frame, wrongType, { what, expected: "at least 1", found }, keep.span);
      return null;
    }
    switch (policy.form) {
      case "best": {
        const choice = choiceOf(policy);
        if (choice === null || keep?.meaning.kind !== "int") return null;
        best = { ...choice, keep: keep.meaning.value };
        break;
      }
      case "last": {
        const every = lengthOf(frame, policy, "every", "clock");
        if (every === null) return null;
        lastEvery = every;
        break;
      }
      default: {
        const interval = lengthOf(frame, policy, "interval", "clock");
        if (interval === null) return null;
        kept = { interval, keep: keep?.meaning.kind === "int" ? keep.meaning.value : "all" };
      }
    }
  }
  return { lastEvery, best, every: kept };
}

/** The metric that a policy names, and its `mode:`. */
export function choiceOf({ metric, bound }: Policy): MetricChoice | null {
  const mode = bound.get("mode")?.meaning;
  if (metric === null) return null;
  const said = mode?.kind === "word" ? (mode.text === "max" ? "max" : "min") : null;
  return { metric: metric.name, mode: said, span: metric.span };
}

export function objectiveOf(
  frame: Frame,
  member: ObjectiveMember,
): (Objective & { readonly span: Span }) | null {
  const { condition } = member;
  const comparison =
    condition.kind === "binary"
      ? ([">=", "<=", ">", "<"] as const).find((name) => name === condition.operator)
      : undefined;
  const name = condition.kind === "binary" ? pathText(condition.left) : null;
  if (condition.kind !== "binary" || comparison === undefined || name === null) {
    report(
      frame,
      wrongType,
      { what: "an objective", expected: "`test.accuracy >= 0.9`", found: "another expression" },
      member.span,
    );
    return null;
  }
  const target = evaluate(frame, condition.right);
  if (target.kind !== "int" && target.kind !== "float") {
    if (target.kind !== "unknown")
      report(
        frame,
        wrongType,
        { what: "the target of an objective", expected: "a number", found: describe(target) },
        condition.right.span,
      );
    return null;
  }
  return {
    name,
    comparison,
    target: target.value,
    place: printSpan(member.span),
    span: condition.left.span,
  };
}
