/** Which checkpoints are the best, which stay, and which a stage starts from. */

import type { Plan, Stage } from "../../compiler/plan/schema.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { bestUndefined } from "../../grammar/diagnostics/run.js";
import type { BestEntry, Progress } from "../checkpoint/progress.js";
import { type LoopContext, warn } from "./context.js";

/** What a stage says of checkpoints, or else the train. */
export const policyOf = ({ checkpoint: ofTrain }: Plan, { checkpoint: own }: Stage) =>
  own ?? ofTrain;

/** The entry of an update among those that later choices may fall on. */
export const rankedAt = ({ best, starts }: Progress, update: number): BestEntry | undefined =>
  [...best, ...Object.values(starts)].find((entry) => entry.update === update);

/** Loads the weights that a stage starts from; where none was measured it goes on with the last. */
export function startFrom(
  context: LoopContext,
  { start }: Stage,
  { starts, update }: Progress,
): void {
  if (start === undefined) return;
  const from = starts[nameOf(start)];
  if (from === undefined)
    warn(context, update, diagnose(bestUndefined, { metric: start.metric }, null));
  else for (const [path, tensor] of context.weightsOf(from.folder)) context.state.set(path, tensor);
}

/** Ranks anew where a stage chooses by another measure than the one before it. */
export function begun(plan: Plan, progress: Progress): Progress {
  const rules = plan.stages.slice(0, progress.stage + 1).map((stage) => {
    const { best } = policyOf(plan, stage);
    return best === null ? null : nameOf(best);
  });
  const own = rules.pop() ?? null;
  const before = rules.findLast((rule) => rule !== null) ?? null;
  return own === null || before === null || own === before ? progress : { ...progress, best: [] };
}

/** Adds this update's checkpoint to those that stay. */
export function keep(context: LoopContext, stage: Stage, progress: Progress): Progress {
  const { update } = progress;
  const folder = rankedAt(progress, update)?.folder ?? context.checkpointName(update);
  const count = policyOf(context.plan, stage).every?.keep ?? "all";
  const kept = [...progress.kept, folder];
  return { ...progress, kept: count === "all" ? kept : kept.slice(-count) };
}

/** Ranks what has just been measured, for the best that are kept and for stages that start from it. */
export function rankedBy(
  { plan, checkpointName }: LoopContext,
  stage: Stage,
  progress: Progress,
): Progress {
  const { update, validation, tables } = progress;
  const folder = checkpointName(update);
  const ranked = (before: readonly BestEntry[], rule: Measure, count: number): BestEntry[] => {
    const value = validation[rule.metric] ?? null;
    if (value === null) return [...before];
    const metrics = { ...validation };
    const entry = { value, update, stage: progress.stage, folder, metrics, tables };
    const sign = rule.better === "max" ? -1 : 1;
    // The sort is stable: of equal values the earlier stays ahead.
    return [...before, entry].sort((a, b) => sign * (a.value - b.value)).slice(0, count);
  };
  const policy = policyOf(plan, stage).best;
  const starts = { ...progress.starts };
  for (const { start } of plan.stages.slice(progress.stage + 1)) {
    if (start === undefined) continue;
    const known = starts[nameOf(start)];
    const [first] = ranked(known === undefined ? [] : [known], start, 1);
    if (first !== undefined) starts[nameOf(start)] = first;
  }
  const best = policy === null ? progress.best : ranked(progress.best, policy, policy.keep);
  return { ...progress, best, starts };
}

interface Measure {
  readonly metric: string;
  readonly better: "max" | "min";
}

const nameOf = ({ metric, better }: Measure): string => `${better} ${metric}`;
