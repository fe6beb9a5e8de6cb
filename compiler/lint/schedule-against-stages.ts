/** `lint/schedule-against-stages`: schedules that are longer than what they run over. */

import { diagnose, type Diagnostic } from "../../grammar/diagnostic.js";
import { scheduleAgainstStages } from "../../grammar/diagnostics/lint.js";
import { printQuantity, type ScheduleSegment } from "../check/value.js";
import type { CheckedStage } from "../check/stages.js";
import type { Duration } from "../plan/schema.js";
import type { LintedTrain } from "./context.js";
import { batchesPerEpoch } from "./epoch.js";
import type { LintRule } from "./rule.js";

export const scheduleRule: LintRule = {
  code: "lint/schedule-against-stages",
  example: {
    wrong:
      "schedule: warmup(500 steps) then cosine(to: 0, over: 1000 steps)\nstage main for 1000 steps { }",
    right: "schedule: warmup(500 steps) then cosine(to: 0)\nstage main for 1000 steps { }",
  },
  check: ({ train }) => (train === null ? [] : check(train)),
};

/** A schedule and the stages it runs over, whose lengths add up. */
interface Spanned {
  readonly segments: readonly ScheduleSegment[];
  readonly stages: readonly Duration[];
}

function check({ checked, evaluation }: LintedTrain): readonly Diagnostic[] {
  const perEpoch = batchesPerEpoch(checked.data.program);
  const losses = (evaluation?.losses ?? []).flatMap(({ loss, schedules }) =>
    schedules.map(({ segments }): Spanned => ({
      segments,
      stages: checked.stages.filter((stage) => stage.loss === loss).map(({ duration }) => duration),
    })),
  );
  return [...ofStages(checked.stages), ...losses].flatMap((each) => ofSchedule(each, perEpoch));
}

/** The train's schedule runs over all stages without one of their own, and anew from a restart. */
function ofStages(stages: readonly CheckedStage[]): readonly Spanned[] {
  const spanned: Spanned[] = [];
  let shared: { segments: Spanned["segments"]; stages: Duration[] } | null = null;
  for (const { schedule, duration } of stages) {
    if (schedule.from === "own") {
      spanned.push({ segments: schedule.segments, stages: [duration] });
      continue;
    }
    if (shared === null || schedule.from === "restarted") {
      shared = { segments: schedule.segments, stages: [] };
      spanned.push(shared);
    }
    shared.stages.push(duration);
  }
  return spanned;
}

function ofSchedule({ segments, stages }: Spanned, perEpoch: number | null): readonly Diagnostic[] {
  const whole = lengthOf(stages, perEpoch);
  if (whole === null) return [];
  let before = 0;
  for (const segment of segments) {
    const rest = segment.over === null;
    const length =
      segment.over === null ? whole.amount - before : inUnit(segment.over, whole, perEpoch);
    // Of what cannot be compared nothing is said.
    if (length === null) return [];
    const problem =
      rest && length <= 0
        ? `nothing is left for this segment: those before it take all ${print(whole)}`
        : before + length > whole.amount * (1 + 1e-9)
          ? before === 0
            ? `this segment lasts ${print({ ...whole, amount: length })}, its stages last ${print(whole)}`
            : `the segments up to this one last ${print({ ...whole, amount: before + length })}, their stages last ${print(whole)}`
          : null;
    if (problem !== null) return [diagnose(scheduleAgainstStages, { problem }, segment.span)];
    before += length;
  }
  return [];
}

/** A length in one unit. */
interface Length {
  readonly amount: number;
  readonly unit: "step" | "epoch";
}

const print = ({ amount, unit }: Length): string =>
  printQuantity(Number(amount.toPrecision(6)), unit);

/** In updates where epochs are known or do not occur, in epochs where there is nothing else. */
function lengthOf(stages: readonly Duration[], perEpoch: number | null): Length | null {
  const sum = (list: readonly number[]): number => list.reduce((total, each) => total + each, 0);
  const units = new Set(stages.map(({ unit }) => unit));
  if (units.has("percent") || stages.length === 0) return null;
  const [unit] = units;
  if (units.size === 1 && (unit === "step" || unit === "epoch"))
    return { amount: sum(stages.map(({ amount }) => amount)), unit };
  if (perEpoch === null) return null;
  const steps = stages.map(({ amount, unit: each }) =>
    each === "epoch" ? amount * perEpoch : amount,
  );
  return { amount: sum(steps), unit: "step" };
}

function inUnit(
  over: { readonly value: number; readonly unit: string },
  whole: Length,
  perEpoch: number | null,
): number | null {
  if (over.unit === "%") return (over.value / 100) * whole.amount;
  if (over.unit === whole.unit) return over.value;
  if (perEpoch === null) return null;
  if (over.unit === "step") return over.value / perEpoch;
  return over.unit === "epoch" ? over.value * perEpoch : null;
}
