/** The training loop: stages of updates, validation, guards and checkpoints, from any point on. */

import type { Plan, Stage } from "../../compiler/plan/schema.js";
import { type Diagnostic, diagnose } from "../../grammar/diagnostic.js";
import { parameterIdle } from "../../grammar/diagnostics/run.js";
import { at } from "../../grammar/invariant.js";
import type { BestEntry, Progress } from "../checkpoint/progress.js";
import type { Batch, Dataset } from "../data/dataset.js";
import type { Executor } from "../executor/executor.js";
import type { RunEventBody } from "../events.js";
import { initialize } from "../initialize.js";
import { type Schedules, type StageSpan, type Timeline, updatesIn } from "../schedule.js";
import type { HostTensor } from "../tensor.js";
import { evaluate, type EvaluationGraphs, loadEvaluation } from "./evaluate.js";
import type { Feeder } from "./feeds.js";
import { requireChange, requireFiniteLosses, requireFiniteState, unchanged } from "./guards.js";
import { addAtoms, lossesOf } from "./losses.js";
import { createStepper, type Stepper } from "./step.js";

export interface LoopContext {
  readonly plan: Plan;
  /** The artifact's folder. */
  readonly folder: string;
  readonly dataset: Dataset;
  readonly executor: Executor;
  readonly feeder: Feeder;
  readonly timeline: Timeline;
  readonly schedules: Schedules;
  readonly graphs: "fused" | "split";
  /** Replaced tensor by tensor as updates are made. */
  readonly state: Map<string, HostTensor>;
  readonly emit: (event: RunEventBody) => void;
  /** The folder that a checkpoint after this update will get. */
  readonly checkpointName: (update: number) => string;
  /** Writes a checkpoint of the state and this progress. */
  readonly save: (name: string, progress: Progress) => void;
  /** Asked before every update. */
  readonly shouldStop: () => boolean;
  /** Told after an update and all that follows from it. */
  readonly afterUpdate: (update: number) => void;
}

export interface LoopOutcome {
  readonly status: "finished" | "interrupted";
  readonly progress: Progress;
}

/** Updates over which a trainable parameter must have moved once. */
const idleUpdates = 100;

/**
 * Trains from `progress` to the end, or until asked to stop: then the current update is finished
 * and a checkpoint written. The same plan, seed, data and thread count give the same bits, however
 * often a run is interrupted. Faults with exit code 4 when a guard fails.
 */
export async function trainFrom(context: LoopContext, progress: Progress): Promise<LoopOutcome> {
  const batches = batchesFrom(context, progress.update);
  let current = progress;
  try {
    while (current.stage < context.plan.stages.length) {
      const outcome = await runStage(context, current, batches);
      current = outcome.progress;
      if (outcome.status === "interrupted") return outcome;
    }
  } finally {
    await batches.return(undefined);
  }
  return { status: "finished", progress: current };
}

interface TimedBatch {
  readonly batch: Batch;
  readonly waitedMs: number;
}

/** The batches of one epoch after another; the order within each is the dataset's. */
async function* batchesFrom(
  { dataset, timeline }: LoopContext,
  updates: number,
): AsyncGenerator<TimedBatch, undefined> {
  let epoch = Math.floor(updates / timeline.batchesPerEpoch);
  let from = updates % timeline.batchesPerEpoch;
  for (;;) {
    let before = performance.now();
    for await (const batch of dataset.trainBatches(epoch, from)) {
      yield { batch, waitedMs: performance.now() - before };
      before = performance.now();
    }
    epoch++;
    from = 0;
  }
}

async function runStage(
  context: LoopContext,
  begin: Progress,
  batches: AsyncGenerator<TimedBatch, undefined>,
): Promise<LoopOutcome> {
  const { plan, timeline } = context;
  const stage = at(plan.stages, begin.stage);
  const span = at(timeline.stages, begin.stage);
  let progress = begin;
  if (progress.update === span.start) {
    for (const entry of plan.state)
      if (stage.bornSlots.includes(entry.path))
        context.state.set(entry.path, {
          dtype: entry.dtype,
          shape: entry.shape,
          data: initialize(entry.init, plan.seed, entry.path, entry.shape, entry.dtype),
        });
    progress = { ...progress, sums: {}, epochLosses: {}, idle: stage.trainable };
  }
  const stepper = await createStepper(stage, context);
  const evaluator = evaluatorOf(context, stage);
  try {
    if (progress.update === 0 && progress.validatedAt === null)
      progress = await validate(context, stage, evaluator, progress);
    // A stage is entered at update 0, from a checkpoint, or after one at the stage before.
    let saved: number | null = progress.update === 0 ? null : progress.update;
    while (progress.update < span.start + span.length) {
      if (context.shouldStop()) {
        if (saved !== progress.update) checkpoint(context, stage, progress, false);
        return { status: "interrupted", progress };
      }
      const next = await batches.next();
      if (next.done === true) break;
      progress = await makeUpdate(context, stage, span, stepper, next.value, progress);
      const due = dueAfter(context, progress, span);
      const best = progress.best[0]?.update;
      if (due.validation) progress = await validate(context, stage, evaluator, progress);
      if (due.end) progress = finishStage(context, stage, progress);
      const ranked = progress.best.some(({ update }) => update === progress.update);
      if (due.checkpoint || ranked) {
        checkpoint(context, stage, progress, best !== progress.best[0]?.update);
        saved = progress.update;
      }
      context.afterUpdate(progress.update);
    }
  } finally {
    await stepper.close();
    await evaluator.close();
  }
  return { status: "finished", progress };
}

/** One step, its event, and the guards on it. */
async function makeUpdate(
  context: LoopContext,
  stage: Stage,
  span: StageSpan,
  stepper: Stepper,
  { batch, waitedMs }: TimedBatch,
  before: Progress,
): Promise<Progress> {
  const { timeline, schedules, state, emit } = context;
  const update = before.update + 1;
  const started = performance.now();
  const { atoms, newState } = await stepper.step(update, batch, state);
  const stepMs = performance.now() - started;
  const losses = lossesOf(stage.losses, atoms);
  requireFiniteLosses(losses, { stage: stage.name, update });
  if (update === 1) requireChange(stage.trainable, state, newState, stage.name);
  const watched = update - span.start <= idleUpdates;
  const idle = watched ? unchanged(before.idle, state, newState) : before.idle;
  for (const [path, tensor] of newState) state.set(path, tensor);
  emit({
    type: "step",
    update,
    epoch: before.epoch + 1,
    stage: stage.name,
    losses,
    schedules: Object.fromEntries(
      stage.schedules.map((name) => [name, schedules.valueAt(name, update)]),
    ),
    step_ms: stepMs,
    data_ms: waitedMs,
    rss: process.memoryUsage.rss(),
  });
  if (update - span.start === Math.min(idleUpdates, span.length))
    for (const path of idle)
      warn(context, update, diagnose(parameterIdle, { path, updates: update - span.start }, null));
  const sums = addAtoms(before.sums, atoms);
  const epochEnds = update % timeline.batchesPerEpoch === 0;
  return {
    ...before,
    update,
    epoch: Math.floor(update / timeline.batchesPerEpoch),
    batch: update % timeline.batchesPerEpoch,
    idle: [...idle],
    sums: epochEnds ? {} : mutableSums(sums),
    epochLosses: epochEnds ? lossesOf(stage.losses, sums) : before.epochLosses,
  };
}

const mutableSums = (sums: ReturnType<typeof addAtoms>): Progress["sums"] =>
  Object.fromEntries(
    Object.entries(sums).map(([atom, [sum, weight]]) => [atom, [sum, weight] as [number, number]]),
  );

/** What is due after the update just made; periods count from the stage's beginning. */
function dueAfter(
  { plan, timeline }: LoopContext,
  { update }: Progress,
  { start, length }: StageSpan,
): { readonly validation: boolean; readonly checkpoint: boolean; readonly end: boolean } {
  const done = update - start;
  const end = done === length;
  const every = (duration: Plan["validateEvery"]): boolean => {
    const period = updatesIn(duration, timeline.batchesPerEpoch, length);
    return duration.amount > 0 && done % Math.max(1, period) === 0;
  };
  return {
    end,
    validation: end || every(plan.validateEvery),
    checkpoint: end || every(plan.checkpoint.last.every),
  };
}

/** The stage's evaluation graphs, loaded when they are first needed. */
interface Evaluator {
  readonly graphs: () => Promise<EvaluationGraphs>;
  readonly close: () => Promise<void>;
}

function evaluatorOf({ executor, folder, plan }: LoopContext, stage: Stage): Evaluator {
  let loaded: EvaluationGraphs | null = null;
  return {
    graphs: async () => (loaded ??= await loadEvaluation(executor, folder, plan, stage)),
    close: async () => loaded?.close(),
  };
}

/** Validates and ranks; an untrained model is measured but never the best. */
async function validate(
  context: LoopContext,
  stage: Stage,
  evaluator: Evaluator,
  progress: Progress,
): Promise<Progress> {
  const { plan, dataset, feeder, state, emit } = context;
  if (dataset.size("val") === 0) return progress;
  const graphs = await evaluator.graphs();
  const { update } = progress;
  const started = performance.now();
  const { metrics, tables, warnings } = await evaluate({
    plan,
    stage,
    split: "val",
    graphs,
    dataset,
    feeder,
    state,
    update,
  });
  const ms = performance.now() - started;
  emit({ type: "validation", split: "val", update, stage: stage.name, metrics, tables, ms });
  for (const warning of warnings) warn(context, update, warning);
  const validated = { ...progress, validatedAt: update, validation: { ...metrics }, tables };
  const policy = plan.checkpoint.best;
  const value = policy === null ? null : (metrics[policy.metric] ?? null);
  if (policy === null || value === null || update === 0) return validated;
  const entry: BestEntry = {
    value,
    update,
    stage: progress.stage,
    folder: context.checkpointName(update),
    metrics: { ...metrics },
    tables,
  };
  const better = policy.better === "max" ? -1 : 1;
  // The sort is stable: of equal values the earlier stays ahead.
  const best = [...progress.best, entry].sort((a, b) => better * (a.value - b.value));
  return { ...validated, best: best.slice(0, policy.keep) };
}

function finishStage({ emit }: LoopContext, stage: Stage, progress: Progress): Progress {
  const losses = lastLosses(stage, progress);
  emit({ type: "stage", stage: stage.name, update: progress.update, losses });
  return { ...progress, stage: progress.stage + 1 };
}

/** Mean losses over the last epoch, as far as it ran. */
export const lastLosses = (
  stage: Stage,
  { sums, epochLosses }: Progress,
): Readonly<Record<string, number>> =>
  Object.keys(sums).length > 0 ? lossesOf(stage.losses, sums) : epochLosses;

function checkpoint(context: LoopContext, stage: Stage, progress: Progress, best: boolean): void {
  const { update } = progress;
  requireFiniteState(context.plan, context.state, { stage: stage.name, update });
  const ranked = progress.best.find((entry) => entry.update === update);
  const folder = ranked?.folder ?? context.checkpointName(update);
  context.emit({ type: "checkpoint", update, folder, best });
  context.save(folder, progress);
}

function warn({ emit }: LoopContext, update: number, { code, message, hint }: Diagnostic): void {
  emit({ type: "warning", code, message, hint, update });
}
