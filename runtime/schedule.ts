/** Time in updates: how long stages last, and what every schedule is at each update. */

import type { Duration, Plan, Schedule } from "../compiler/plan/schema.js";
import type { ScalarExpr } from "../compiler/plan/scalar.js";
import { diagnose } from "../grammar/diagnostic.js";
import { artifactInconsistent, scheduleNotFinite } from "../grammar/diagnostics/run.js";
import { assertNever, at } from "../grammar/invariant.js";
import { exitCodes, Fault } from "./fault.js";

export interface Span {
  /** Updates made before the first. */
  readonly start: number;
  readonly length: number;
}

/** The updates of a stage. */
export interface StageSpan extends Span {
  /** Batches of one update. */
  readonly perUpdate: number;
  /** Batches taken from its split before the stage's first. */
  readonly batches: number;
  /** Batches of an epoch of its split. */
  readonly perEpoch: number;
}

export interface Timeline {
  readonly stages: readonly StageSpan[];
  /** Updates of the whole run. */
  readonly total: number;
}

/** Values of the plan's schedules; updates count from 1 over the whole run. */
export interface Schedules {
  /** Faults with exit code 4 when the value is not finite. */
  readonly valueAt: (name: string, update: number) => number;
}

/**
 * Lays the stages end to end, by how many batches an epoch of a split has. A stage's own length
 * cannot be a percentage.
 */
export function createTimeline(
  plan: Plan,
  batchesPerEpoch: number | ((split: TrainedSplit) => number),
): Timeline {
  const stages: StageSpan[] = [];
  const taken = new Map<TrainedSplit, number>();
  let start = 0;
  for (const stage of plan.stages) {
    const split = splitOf(stage);
    const perEpoch = typeof batchesPerEpoch === "number" ? batchesPerEpoch : batchesPerEpoch(split);
    const batches = taken.get(split) ?? 0;
    if (stage.duration.unit === "percent")
      throw inconsistent(`stage \`${stage.name}\` lasts a percentage of itself`);
    const perUpdate = stage.accumulate?.batches ?? 1;
    const length = updatesIn(stage.duration, perEpoch / perUpdate, 0);
    if (length === 0) throw inconsistent(`stage \`${stage.name}\` lasts no update`);
    stages.push({ start, length, perUpdate, batches, perEpoch });
    start += length;
    taken.set(split, batches + length * perUpdate);
  }
  return { stages, total: start };
}

/** The split that a stage learns from. */
export type TrainedSplit = "train" | "val";

export const splitOf = ({ split }: Pick<Plan["stages"][number], "split">): TrainedSplit =>
  split ?? "train";

/** Batches of the stage's split that have been taken when so many updates have been made. */
export const batchesBefore = ({ start, batches, perUpdate }: StageSpan, updates: number): number =>
  batches + (updates - start) * perUpdate;

/** Epochs of all stages, as far as made. */
export const epochsBefore = ({ stages }: Timeline, updates: number): number =>
  stages.reduce((sum, { start, length, perUpdate, perEpoch }) => {
    const made = Math.max(0, Math.min(length, updates - start));
    return sum + (made * perUpdate) / perEpoch;
  }, 0);

/** A duration in whole updates, rounded; a percentage is of `whole` updates. */
export function updatesIn(duration: Duration, updatesPerEpoch: number, whole: number): number {
  switch (duration.unit) {
    case "step":
      return Math.round(duration.amount);
    case "epoch":
      return Math.round(duration.amount * updatesPerEpoch);
    case "percent":
      return Math.round((duration.amount / 100) * whole);
  }
}

/**
 * Resolves every schedule. Before its stages a schedule is `base`; in a segment `t` counts from 0
 * at the first update and `base` is the value at the last update before; after the last segment the
 * value stays. `rest` is what the other segments leave of the spanned stages.
 */
export function createSchedules(plan: Plan, timeline: Timeline): Schedules {
  const resolved = new Map(
    plan.schedules.map((schedule) => [schedule.name, resolve(schedule, timeline)] as const),
  );
  return {
    valueAt: (name, update) => {
      const schedule = resolved.get(name);
      if (schedule === undefined) throw inconsistent(`there is no schedule \`${name}\``);
      const value = valueIn(schedule, update - 1);
      if (Number.isFinite(value)) return value;
      throw new Fault(
        diagnose(scheduleNotFinite, { schedule: name, update, value }, null),
        exitCodes.guard,
      );
    },
  };
}

/** When the segments of a schedule run; those that round to nothing are left out. */
export function segmentsOf(schedule: Schedule, timeline: Timeline): readonly Span[] {
  const { segments, spans } = resolve(schedule, timeline);
  return segments.map(({ start, length }) => ({ start: inRun(spans, start), length }));
}

/** The update of the run at which a schedule's own time has come so far. */
function inRun(spans: readonly Span[], time: number): number {
  let before = 0;
  for (const { start, length } of spans) {
    if (time < before + length) return start + time - before;
    before += length;
  }
  const last = spans.at(-1);
  return last === undefined ? time : last.start + last.length + time - before;
}

/** Evaluates a schedule's expression in f64. */
export function evaluateScalar(
  expr: ScalarExpr,
  variables: Readonly<Record<"base" | "t" | "n" | "u", number>>,
): number {
  switch (expr.kind) {
    case "number":
      return expr.value;
    case "variable":
      return variables[expr.name];
    case "call":
      return Math[expr.function](evaluateScalar(expr.operand, variables));
    case "binary": {
      const left = evaluateScalar(expr.left, variables);
      const right = evaluateScalar(expr.right, variables);
      switch (expr.operator) {
        case "+":
          return left + right;
        case "-":
          return left - right;
        case "*":
          return left * right;
        case "/":
          return left / right;
        case "pow":
          return left ** right;
        case "min":
          return Math.min(left, right);
        case "max":
          return Math.max(left, right);
        default:
          return assertNever(expr.operator);
      }
    }
  }
}

interface Segment {
  /** Updates of the schedule's own time before the segment's first. */
  readonly start: number;
  readonly length: number;
  readonly base: number;
  readonly value: ScalarExpr;
}

interface Resolved {
  readonly base: number;
  readonly segments: readonly Segment[];
  /** The stages that make its time, in order. */
  readonly spans: readonly StageSpan[];
}

function resolve(schedule: Schedule, timeline: Timeline): Resolved {
  const [first, last] = schedule.stages;
  const from = timeline.stages[first];
  const to = timeline.stages[last];
  if (from === undefined || to === undefined || last < first)
    throw inconsistent(`schedule \`${schedule.name}\` spans stages that do not exist`);
  const skipped = schedule.without ?? [];
  const spans = timeline.stages.filter(
    (_, stage) => stage >= first && stage <= last && !skipped.includes(stage),
  );
  const whole = spans.reduce((sum, { length }) => sum + length, 0);
  // Over stages whose updates differ in size, an epoch is their mean number of updates.
  const batches = spans.reduce((sum, { length, perUpdate }) => sum + length * perUpdate, 0);
  const epochs = spans.reduce(
    (sum, each) => sum + (each.length * each.perUpdate) / each.perEpoch,
    0,
  );
  const [one] = spans;
  const uniform = one !== undefined && spans.every(({ perEpoch }) => perEpoch === one.perEpoch);
  const perEpoch = !uniform
    ? whole / epochs
    : batches === whole
      ? one.perEpoch
      : one.perEpoch * (whole / batches);
  const given = schedule.segments.map(({ over }) =>
    over === "rest" ? null : updatesIn(over, perEpoch, whole),
  );
  if (given.filter((length) => length === null).length > 1)
    throw inconsistent(`schedule \`${schedule.name}\` has more than one segment over the rest`);
  const taken = given.reduce<number>((sum, length) => sum + (length ?? 0), 0);
  const segments: Segment[] = [];
  let { base } = schedule;
  let start = 0;
  for (const [index, { value }] of schedule.segments.entries()) {
    const length = at(given, index) ?? Math.max(0, whole - taken);
    // A segment that rounds to nothing has no last update: the value before it goes on.
    if (length === 0) continue;
    const segment = { start, length, base, value };
    segments.push(segment);
    base = valueOf(segment, length - 1);
    start += length;
  }
  return { base: schedule.base, segments, spans };
}

/** `done` counts updates of the run; of the schedule's own time only those in its stages count. */
function valueIn({ base, segments, spans }: Resolved, done: number): number {
  const time = ownTime(spans, done);
  if (time < 0) return base;
  let current: Segment | null = null;
  for (const segment of segments) if (segment.start <= time) current = segment;
  return current === null
    ? base
    : valueOf(current, Math.min(time - current.start, current.length - 1));
}

/** Updates of the spanned stages before this one; while another stage runs, that of the last made. */
function ownTime(spans: readonly Span[], done: number): number {
  let time = 0;
  for (const { start, length } of spans) {
    if (done < start) return time - 1;
    if (done < start + length) return time + done - start;
    time += length;
  }
  return time;
}

const valueOf = ({ base, length, value }: Segment, t: number): number =>
  evaluateScalar(value, { base, t, n: length, u: t / length });

const inconsistent = (reason: string): Fault =>
  new Fault(diagnose(artifactInconsistent, { reason }, null), exitCodes.environment);
