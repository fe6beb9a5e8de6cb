/** What follows an update: validation, a checkpoint, the end of its stage. */

import type { Plan, Stage } from "../../compiler/plan/schema.js";
import type { Progress } from "../checkpoint/progress.js";
import { type StageSpan, updatesIn } from "../schedule.js";
import { policyOf } from "./choose.js";
import type { LoopContext } from "./context.js";

/** What is due after the update just made; periods count from the stage's beginning. */
export function dueAfter(
  { plan }: LoopContext,
  stage: Stage,
  { update }: Progress,
  { start, length, perUpdate, perEpoch }: StageSpan,
): {
  readonly validation: boolean;
  readonly checkpoint: boolean;
  /** A checkpoint that stays. */
  readonly kept: boolean;
  readonly end: boolean;
} {
  const done = update - start;
  const end = done === length;
  const policy = policyOf(plan, stage);
  const every = (duration: Plan["validateEvery"]): boolean => {
    if (duration.amount === 0) return false;
    // Epochs count records: with several batches to an update, one may end in the midst of it.
    const perBatch = duration.unit === "epoch" ? perUpdate : 1;
    const period = Math.max(1, updatesIn(duration, perEpoch, length));
    const periods = (updates: number): number => Math.floor((updates * perBatch) / period);
    return periods(done) > periods(done - 1);
  };
  return {
    end,
    validation: end || every(stage.validateEvery ?? plan.validateEvery),
    checkpoint: end || every(policy.last.every),
    kept: policy.every !== undefined && every(policy.every.interval),
  };
}
