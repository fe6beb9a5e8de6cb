/** Times and choices of a train: stage lengths, validation, checkpoints, objectives. */

import type { Expr, ObjectiveMember, StageMember } from "../../grammar/ast.js";
import { unknownName } from "../../grammar/diagnostics/names.js";
import { notYetSupported } from "../../grammar/diagnostics/program.js";
import { unitMismatch, wrongType } from "../../grammar/diagnostics/types.js";
import { printSpan, type Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import type { Duration, Objective } from "../plan/schema.js";
import { type Bound, bindArguments } from "./bind.js";
import { evaluate, type Frame, report } from "./frame.js";
import { signature } from "./signature.js";
import { describe, printQuantity } from "./value.js";

/** A stage as written, and how long it lasts. */
export interface TimedStage {
  readonly member: StageMember;
  readonly duration: Duration;
}

/** By what metric of validation the best weights are chosen, and how many are kept. */
export interface BestPolicy {
  readonly metric: string;
  readonly keep: number;
  readonly span: Span;
}

/** Stages of one unit keep their proportions in a new total; each lasts at least one. */
export function shareOut(
  frame: Frame,
  stages: readonly TimedStage[],
  length: Duration,
): readonly TimedStage[] | null {
  const units = new Set(stages.map(({ duration }) => duration.unit));
  const total = stages.reduce((sum, { duration }) => sum + duration.amount, 0);
  if (units.size > 1 || length.amount < stages.length || total === 0) {
    const found = printQuantity(length.amount, length.unit);
    const what = units.size > 1 ? "the lengths of all stages" : "the length of all stages together";
    const expected =
      units.size > 1
        ? `in one unit to be shared out of ${found}`
        : `at least 1 ${length.unit} for each of ${stages.length}`;
    const [first] = stages;
    report(
      frame,
      wrongType,
      { what, expected, found: units.size > 1 ? [...units].join(" and ") : found },
      first?.member.duration.span ?? frame.module.module.span,
    );
    return null;
  }
  let before = 0;
  let used = 0;
  return stages.map((stage, i) => {
    before += stage.duration.amount;
    const left = stages.length - i - 1;
    const end = Math.min(
      length.amount - left,
      Math.max(used + 1, Math.round((length.amount * before) / total)),
    );
    const amount = end - used;
    used = end;
    return { ...stage, duration: { amount, unit: length.unit } };
  });
}

/** A stage lasts whole updates or passes over the data. */
export function stageDuration(frame: Frame, member: StageMember): Duration | null {
  const meaning = evaluate(frame, member.duration);
  if (meaning.kind === "unknown") return null;
  if (
    meaning.kind === "quantity" &&
    (meaning.unit === "step" || meaning.unit === "epoch") &&
    Number.isInteger(meaning.value) &&
    meaning.value >= 1
  )
    return { amount: meaning.value, unit: meaning.unit };
  report(
    frame,
    unitMismatch,
    {
      what: `the length of \`${member.name.text}\``,
      expected: "a whole number of `steps` or `epochs`, at least 1",
      found: describe(meaning),
    },
    member.duration.span,
  );
  return null;
}

const everyFormals = signature("every(interval: duration)");
const lastFormals = signature("last(every: duration)");
const bestFormals = signature("best(metric, keep: int = 1)");

function durationOf(bound: ReadonlyMap<string, Bound>, key: string): Duration | null {
  const meaning = bound.get(key)?.meaning;
  return meaning?.kind === "quantity" &&
    (meaning.unit === "step" || meaning.unit === "epoch") &&
    meaning.value > 0
    ? { amount: meaning.value, unit: meaning.unit }
    : null;
}

/** `every(1 epochs)`; without it, once per epoch. */
export function everyOf(frame: Frame, expr: Expr | null, name: string): Duration | null {
  if (expr === null) return { amount: 1, unit: "epoch" };
  if (expr.kind !== "call" || expr.callee.kind !== "name" || expr.callee.name !== name) {
    if (expr.kind !== "broken")
      report(
        frame,
        wrongType,
        { what: "`validate`", expected: "`every(1 epochs)`", found: "another expression" },
        expr.span,
      );
    return null;
  }
  const call = { callee: name, inputs: [], args: expr.args, span: expr.span };
  return intervalOf(frame, bindArguments(frame, frame, everyFormals, call), "interval", expr.span);
}

function intervalOf(
  frame: Frame,
  bound: ReadonlyMap<string, Bound> | null,
  key: string,
  span: Span,
): Duration | null {
  if (bound === null) return null;
  const duration = durationOf(bound, key);
  const meaning = bound.get(key)?.meaning;
  if (duration === null && meaning?.kind === "quantity")
    report(
      frame,
      unitMismatch,
      {
        what: `\`${key}\``,
        expected: "a positive number of `steps` or `epochs`",
        found: describe(meaning),
      },
      span,
    );
  return duration;
}

/** `[best(val.auroc, keep: 3), last(every: 1 epochs)]`. */
export function checkpointOf(
  frame: Frame,
  expr: Expr | null,
): { readonly lastEvery: Duration; readonly best: BestPolicy | null } | null {
  let lastEvery: Duration | null = { amount: 1, unit: "epoch" };
  let best: BestPolicy | null = null;
  for (const item of expr === null ? [] : expr.kind === "list" ? expr.items : [expr]) {
    const name = item.kind === "call" && item.callee.kind === "name" ? item.callee.name : "";
    if (item.kind === "call" && name === "last") {
      const call = { callee: name, inputs: [], args: item.args, span: item.span };
      lastEvery = intervalOf(
        frame,
        bindArguments(frame, frame, lastFormals, call),
        "every",
        item.span,
      );
    } else if (item.kind === "call" && name === "best") {
      const [metric, ...rest] = item.args;
      const path = metric === undefined ? null : pathText(metric.value);
      const call = {
        callee: name,
        inputs: [],
        args: [
          {
            name: null,
            value: { kind: "bool" as const, value: true, span: item.span },
            span: item.span,
          },
          ...rest,
        ],
        span: item.span,
      };
      const bound = bindArguments(frame, frame, bestFormals, call)?.get("keep");
      const keep = bound?.meaning;
      if (path === null || metric === undefined)
        report(
          frame,
          wrongType,
          { what: "`best`", expected: "a metric such as `val.loss`", found: "another expression" },
          item.span,
        );
      else if (keep?.kind === "int" && keep.value < 1)
        report(
          frame,
          wrongType,
          { what: "`keep` of `best`", expected: "at least 1", found: String(keep.value) },
          bound?.span ?? item.span,
        );
      else if (keep?.kind === "int") best = { metric: path, keep: keep.value, span: metric.span };
    } else if (name === "every")
      report(frame, notYetSupported, { what: "`every` as a checkpoint policy" }, item.span);
    else if (item.kind !== "broken")
      report(
        frame,
        unknownName,
        {
          name: name === "" ? "this policy" : name,
          suggestion: suggest(name, ["best", "last"]) ?? "last",
        },
        item.span,
      );
  }
  return lastEvery === null ? null : { lastEvery, best };
}

/** `val.auroc` as text. */
function pathText(expr: Expr): string | null {
  if (expr.kind === "name") return expr.name;
  if (expr.kind !== "member") return null;
  const object = pathText(expr.object);
  return object === null ? null : `${object}.${expr.member.text}`;
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
