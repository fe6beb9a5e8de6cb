/** `early_stop`: what a stage's rule has seen, and whether its patience has run out. */

import type { Stage } from "../../compiler/plan/schema.js";
import type { Progress } from "../checkpoint/progress.js";
import type { StageSpan } from "../schedule.js";
import { updatesIn } from "../schedule.js";

type Rule = NonNullable<Stage["earlyStop"]>;
export type Patience = NonNullable<Progress["patience"]>;

/** Nothing seen: patience counts from the stage's beginning. */
export const newPatience = (update: number): Patience => ({ best: null, since: update });

/** After a measurement: a value that is undefined, or better by no more than the delta, is no gain. */
export function measured(
  { better, minDelta }: Rule,
  { best, since }: Patience,
  value: number | null,
  update: number,
): Patience {
  const gain =
    value !== null &&
    (best === null || (better === "max" ? value > best + minDelta : value < best - minDelta));
  return gain ? { best: value, since: update } : { best, since };
}

/** Whether the metric has not gained for as long as the rule waits; epochs count records. */
export function isExhausted(
  { over }: Rule,
  { since }: Patience,
  update: number,
  { perUpdate, length, perEpoch }: StageSpan,
): boolean {
  const waits = Math.max(1, updatesIn(over, perEpoch, length));
  return (update - since) * (over.unit === "epoch" ? perUpdate : 1) >= waits;
}
