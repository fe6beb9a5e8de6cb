/** Which stages share one course of a schedule, and how schedules stand in the plan. */

import { invariant } from "../../grammar/invariant.js";
import type { CheckedStage, StageSchedule } from "../check/stages.js";
import type { ScheduleSegment } from "../check/value.js";
import type { Plan } from "../plan/schema.js";

/** Stages over which a schedule runs once. */
export interface ScheduleRun {
  readonly segments: StageSchedule["segments"];
  readonly stages: readonly number[];
  /** Tells its schedules from those of the train's first run; empty for that one. */
  readonly suffix: string;
}

/**
 * A stage with its own schedule is a run of its own. The train's schedule spans the stages that have
 * none, from its beginning or a `restart schedule` to the next.
 */
export function scheduleRuns(stages: readonly CheckedStage[]): readonly ScheduleRun[] {
  const runs: ScheduleRun[] = [];
  let shared: { segments: ScheduleRun["segments"]; stages: number[]; suffix: string } | null = null;
  for (const [i, { schedule, member }] of stages.entries()) {
    const { segments, from } = schedule;
    if (from === "own") runs.push({ segments, stages: [i], suffix: member.name.text });
    else if (shared === null || from === "restarted") {
      shared = { segments, stages: [i], suffix: shared === null ? "" : member.name.text };
      runs.push(shared);
    } else shared.stages.push(i);
  }
  return runs;
}

/** A schedule of the plan over the stages of a run. */
export function planSchedule(
  name: string,
  base: number,
  { segments, stages }: Pick<ScheduleRun, "segments" | "stages">,
): Plan["schedules"][number] {
  const [first] = stages;
  const last = stages.at(-1);
  invariant(first !== undefined && last !== undefined, `\`${name}\` spans a stage`);
  const between = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const without = between.filter((stage) => !stages.includes(stage));
  return {
    name,
    base,
    stages: [first, last],
    ...(without.length === 0 ? {} : { without }),
    segments: segments.map(({ over, expr }) => ({ over: lengthOf(over), value: expr })),
  };
}

function lengthOf(
  over: ScheduleSegment["over"],
): Plan["schedules"][number]["segments"][number]["over"] {
  if (over === null) return "rest";
  const unit = over.unit === "%" ? "percent" : over.unit === "epoch" ? "epoch" : "step";
  return { amount: over.value, unit };
}
