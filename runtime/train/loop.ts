/** The training loop: stages of updates, validation, guards and checkpoints, from any point on. */

import type { Stage } from "../../compiler/plan/schema.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { parameterIdle, updatesSkipped } from "../../grammar/diagnostics/run.js";
import { at, invariant } from "../../grammar/invariant.js";
import type { Progress } from "../checkpoint/progress.js";
import type { Batch } from "../data/dataset.js";
import type { Tensors } from "../executor/executor.js";
import { initialize } from "../initialize.js";
import { batchesBefore, splitOf, type StageSpan, type TrainedSplit } from "../schedule.js";
import {
  type AccumulatingStepper,
  createAccumulatingStepper,
  type TakeBatch,
} from "./accumulate.js";
import { beginAverages, evaluatedState } from "./averages.js";
import { begun, keep, rankedAt, rankedBy, startFrom } from "./choose.js";
import { type LoopContext, warn } from "./context.js";
import { withDataNotices } from "./data-notices.js";
import { dueAfter } from "./due.js";
import {
  evaluate,
  type EvaluationGraphs,
  type EvaluationRequest,
  loadEvaluation,
} from "./evaluate.js";
import {
  isFinite,
  requireChange,
  requireFiniteLosses,
  requireFiniteState,
  unchanged,
} from "./guards.js";
import { addAtoms, lossesOf } from "./losses.js";
import { isExhausted, measured, newPatience } from "./patience.js";
import { noTensors } from "./places.js";
import { createStepper, type StepperOptions } from "./step.js";
import { trace } from "./trace.js";

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
export async function trainFrom(given: LoopContext, progress: Progress): Promise<LoopOutcome> {
  const context = withDataNotices(given);
  let current = progress;
  // Stages of one split go on with its epoch, and with what has been read ahead.
  const readings = new Map<TrainedSplit, AsyncGenerator<Batch, undefined>>();
  try {
    while (current.stage < context.plan.stages.length) {
      const split = splitOf(at(context.plan.stages, current.stage));
      const span = at(context.timeline.stages, current.stage);
      const taken = batchesBefore(span, current.update);
      const batches = readings.get(split) ?? batchesFrom(context, split, taken, span.perEpoch);
      readings.set(split, batches);
      const outcome = await runStage(context, current, batches);
      current = outcome.progress;
      if (outcome.status === "interrupted") return outcome;
    }
  } finally {
    for (const batches of readings.values()) await batches.return(undefined);
  }
  return { status: "finished", progress: current };
}

/** The batches of one epoch after another; the order within each is the dataset's. */
async function* batchesFrom(
  { dataset }: LoopContext,
  split: TrainedSplit,
  taken: number,
  perEpoch: number,
): AsyncGenerator<Batch, undefined> {
  let epoch = Math.floor(taken / perEpoch);
  let from = taken % perEpoch;
  for (;;) {
    yield* dataset.trainBatches(epoch, from, split);
    epoch++;
    from = 0;
  }
}

async function runStage(
  context: LoopContext,
  begin: Progress,
  batches: AsyncGenerator<Batch, undefined>,
): Promise<LoopOutcome> {
  const { plan, timeline } = context;
  const stage = at(plan.stages, begin.stage);
  const span = at(timeline.stages, begin.stage);
  let progress = begin;
  if (progress.update === span.start) {
    // A run's first state has new slots.
    for (const entry of progress.update === 0 ? [] : plan.state)
      if (stage.bornSlots.includes(entry.path))
        context.state.set(entry.path, {
          dtype: entry.dtype,
          shape: entry.shape,
          data: initialize(entry.init, plan.seed, entry.path, entry.shape, entry.dtype),
        });
    startFrom(context, stage, progress);
    beginAverages(plan, context.state, stage.bornAverages ?? []);
    progress = begun(plan, progress);
    progress = { ...progress, sums: {}, epochLosses: {}, idle: stage.trainable };
    progress = { ...progress, patience: newPatience(span.start), ...placeOf(span, span.batches) };
  }
  const stepper = await stepperOf(stage, {
    ...context,
    warn: (diagnostic) => warn(context, progress.update, diagnostic),
  });
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
      progress = await makeUpdate(context, stage, span, stepper, timed(batches), progress);
      const due = dueAfter(context, stage, progress, span);
      const [best] = progress.best;
      if (due.validation) progress = await validate(context, stage, evaluator, progress);
      const stops = !due.end && due.validation && patienceEnds(stage, span, progress);
      if (due.end || stops) progress = finishStage(context, stage, progress);
      if (stops) progress = stopRun(context, stage, progress);
      const { update } = progress;
      const ranked = rankedAt(progress, update) !== undefined;
      if (due.kept) progress = keep(context, stage, progress);
      if (due.checkpoint || due.kept || stops || ranked) {
        checkpoint(context, stage, progress, best?.update !== progress.best[0]?.update);
        saved = progress.update;
      }
      context.afterUpdate(progress.update);
      if (stops) break;
    }
  } finally {
    await stepper.close();
    await evaluator.close();
  }
  return { status: "finished", progress };
}

/** The stage's updates, of one batch or of several. */
async function stepperOf(stage: Stage, given: StepperOptions): Promise<AccumulatingStepper> {
  // What goes wrong is run again from the state as it was: kernels would have overwritten it.
  const options: StepperOptions = stage.debug === undefined ? given : { ...given, graphs: "fused" };
  if (stage.accumulate !== undefined)
    return createAccumulatingStepper(stage, stage.accumulate, options);
  const { step, close } = await createStepper(stage, options);
  return { step: async (update, take, state) => step(update, await take(), state), close };
}

interface TimedBatches {
  readonly take: TakeBatch;
  readonly waitedMs: () => number;
}

/** The next batches, and how long they were waited for. */
function timed(batches: AsyncGenerator<Batch, undefined>): TimedBatches {
  let waited = 0;
  return {
    take: async () => {
      const before = performance.now();
      const next = await batches.next();
      invariant(next.value !== undefined, "epochs follow each other without end");
      waited += performance.now() - before;
      return next.value;
    },
    waitedMs: () => waited,
  };
}

/** One step, its event, and the guards on it. */
async function makeUpdate(
  context: LoopContext,
  stage: Stage,
  span: StageSpan,
  stepper: AccumulatingStepper,
  { take, waitedMs }: TimedBatches,
  before: Progress,
): Promise<Progress> {
  const { schedules, state, skipped, emit } = context;
  const update = before.update + 1;
  const started = performance.now();
  const taken: Batch[] = [];
  const { debug } = stage;
  const remembered: TakeBatch = async () => {
    const batch = await take();
    taken.push(batch);
    return batch;
  };
  const { atoms, newState, norm, changedInPlace } = await stepper.step(update, remembered, state);
  const stepMs = performance.now() - started - waitedMs();
  const losses = lossesOf(stage.losses, atoms);
  const [batch] = taken;
  if (debug !== undefined && batch !== undefined && !isSound(losses, newState)) {
    const sources = { update, batch, state, gradients: noTensors, firstRecord: 0 };
    await trace(context, debug.step, sources, `update ${update} of stage \`${stage.name}\``);
  }
  requireFiniteLosses(losses, { stage: stage.name, update });
  const isSkipped = skips(stage, norm);
  if (isSkipped) skipped[before.stage] = (skipped[before.stage] ?? 0) + 1;
  const inPlace = changedInPlace ?? new Set();
  const made = update - skipped.reduce((sum, count) => sum + count, 0);
  if (made === 1 && !isSkipped && inPlace.size === 0)
    requireChange(stage.trainable, state, newState, stage.name);
  const watched = update - span.start <= idleUpdates;
  const still = before.idle.filter((path) => !inPlace.has(path));
  const idle = watched ? unchanged(still, state, newState) : before.idle;
  for (const [path, tensor] of newState) state.set(path, tensor);
  for (const { release } of taken) release?.();
  emit({
    type: "step",
    update,
    epoch: before.epoch + 1,
    stage: stage.name,
    losses,
    schedules: Object.fromEntries(
      stage.schedules.map((name) => [name, schedules.valueAt(name, update)]),
    ),
    ...(norm === undefined ? {} : { grad_norm: norm }),
    ...(isSkipped ? { skipped: true } : {}),
    step_ms: stepMs,
    data_ms: waitedMs(),
    rss: process.memoryUsage.rss(),
  });
  if (update - span.start === Math.min(idleUpdates, span.length))
    for (const path of idle)
      warn(context, update, diagnose(parameterIdle, { path, updates: update - span.start }, null));
  const sums = addAtoms(before.sums, atoms);
  const place = placeOf(span, batchesBefore(span, update));
  const epochEnds = place.epoch > placeOf(span, batchesBefore(span, before.update)).epoch;
  return {
    ...before,
    ...place,
    update,
    skipped: Array.from({ length: before.stage + 1 }, (_, i) => skipped[i] ?? 0),
    idle: [...idle],
    sums: epochEnds ? {} : mutableSums(sums),
    epochLosses: epochEnds ? lossesOf(stage.losses, sums) : before.epochLosses,
  };
}

/** Whether the graph left all as it was; it compares in f32 as well. */
const skips = ({ skipAbove }: Stage, norm: number | undefined): boolean =>
  skipAbove !== undefined && norm !== undefined && !(norm <= Math.fround(skipAbove));

/** Where the next batch stands when so many have been taken from the stage's split. */
const placeOf = ({ perEpoch }: StageSpan, batches: number): Pick<Progress, "epoch" | "batch"> => ({
  epoch: Math.floor(batches / perEpoch),
  batch: batches % perEpoch,
});

/** What an evaluation does about a batch whose loss is not finite. */
export function tracing(
  context: LoopContext,
  { debug, name }: Stage,
  what: string,
  update: number,
): Pick<EvaluationRequest, "onBad"> {
  if (debug === undefined) return {};
  const when = `the ${what} after update ${update} in stage \`${name}\``;
  return { onBad: async (sources) => trace(context, debug.eval, sources, when) };
}

const isSound = (losses: Readonly<Record<string, number>>, newState: Tensors): boolean =>
  Object.values(losses).every(Number.isFinite) &&
  [...newState.values()].every((tensor) => isFinite(tensor));

const mutableSums = (sums: ReturnType<typeof addAtoms>): Progress["sums"] =>
  Object.fromEntries(
    Object.entries(sums).map(([atom, [sum, weight]]) => [atom, [sum, weight] as [number, number]]),
  );

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
    state: evaluatedState(plan, stage, state),
    update,
    ...tracing(context, stage, "validation", update),
  });
  const ms = performance.now() - started;
  emit({ type: "validation", split: "val", update, stage: stage.name, metrics, tables, ms });
  for (const warning of warnings) warn(context, update, warning);
  const rule = stage.earlyStop;
  const own = { ...prefixed(lastLosses(stage, progress)), ...metrics };
  const patience =
    rule === undefined || progress.patience === null || update === 0
      ? progress.patience
      : measured(rule, progress.patience, own[rule.metric] ?? null, update);
  const validated = {
    ...progress,
    validatedAt: update,
    validation: { ...metrics },
    tables,
    patience,
  };
  if (update === 0) return validated;
  return rankedBy(context, stage, validated);
}

function finishStage(context: LoopContext, stage: Stage, progress: Progress): Progress {
  const { update } = progress;
  const losses = lastLosses(stage, progress);
  context.emit({ type: "stage", stage: stage.name, update, losses });
  const skipped = progress.skipped[progress.stage] ?? 0;
  const above = stage.skipAbove ?? Infinity;
  if (skipped > 0)
    warn(context, update, diagnose(updatesSkipped, { stage: stage.name, skipped, above }, null));
  return { ...progress, stage: progress.stage + 1 };
}

const prefixed = (losses: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(losses).map(([name, value]) => [`train.${name}`, value]));

/** Whether `early_stop` has waited long enough, just after a measurement. */
const patienceEnds = (
  { earlyStop }: Stage,
  span: StageSpan,
  { patience, update }: Progress,
): boolean =>
  earlyStop !== undefined && patience !== null && isExhausted(earlyStop, patience, update, span);

/** Ends the run: no later stage begins. */
function stopRun({ emit, plan }: LoopContext, stage: Stage, progress: Progress): Progress {
  const { update, patience } = progress;
  const { best, since } = patience ?? newPatience(update);
  const metric = stage.earlyStop?.metric ?? "";
  const stopped = { rule: "early_stop", stage: stage.name, update, metric, best, since } as const;
  emit({ type: "stopped", ...stopped });
  return { ...progress, stage: plan.stages.length, stopped };
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
  const folder = rankedAt(progress, update)?.folder ?? context.checkpointName(update);
  context.emit({ type: "checkpoint", update, folder, best });
  context.save(folder, progress);
}
