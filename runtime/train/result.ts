/** The end of a run: which weights were chosen, what they reach on the test split, what was met. */

import { join } from "node:path";
import type { Objective, Plan } from "../../compiler/plan/schema.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { bestUndefined } from "../../grammar/diagnostics/run.js";
import { at } from "../../grammar/invariant.js";
import { readWeights } from "../checkpoint/checkpoint.js";
import type { Progress } from "../checkpoint/progress.js";
import type { RunDirectory } from "../run-directory.js";
import type { RunResult } from "../run-result.js";
import { epochsBefore } from "../schedule.js";
import { evaluatedState, weightsFile } from "./averages.js";
import { evaluate, type Evaluation, loadEvaluation } from "./evaluate.js";
import { policyOf } from "./choose.js";
import type { LoopContext } from "./context.js";
import { lastLosses, tracing, type LoopOutcome } from "./loop.js";

/**
 * Chooses the best weights by the policy (else the last), tests them once, and holds the
 * objectives against what was measured. The test split never chooses anything.
 */
export async function concludeRun(
  context: LoopContext,
  { status, progress }: LoopOutcome,
  directory: RunDirectory,
): Promise<RunResult> {
  const { plan } = context;
  const [best] = progress.best;
  const lastStage = lastStageOf(plan, progress);
  const policy = policyOf(plan, lastStage).best;
  if (status === "finished" && best === undefined && policy !== null) {
    const { metric } = policy;
    const { code, message, hint } = diagnose(bestUndefined, { metric }, null);
    context.emit({ type: "warning", code, message, hint, update: progress.update });
  }
  const test = status === "finished" ? await testChosen(context, progress, directory) : nothing;
  const metrics: Record<string, number | null> = {
    ...Object.fromEntries(
      Object.entries(lastLosses(lastStage, progress)).map(([name, value]) => [
        `train.${name}`,
        value,
      ]),
    ),
    ...(best?.metrics ?? progress.validation),
    ...test.metrics,
  };
  return {
    status,
    run_dir: directory.folder,
    updates: progress.update,
    epochs: epochsBefore(context.timeline, progress.update),
    metrics,
    tables: { ...(best?.tables ?? progress.tables), ...test.tables },
    objectives: plan.objectives.map((objective) => judged(objective, metrics)),
    skipped: context.dataset.skipped ?? 0,
    skipped_updates: progress.skipped.reduce((sum, count) => sum + count, 0),
    stopped: progress.stopped,
    executor: context.executor.name,
    precision: { asked: plan.precision.asked, ran: precisionOf(plan) },
    weights: join(
      directory.checkpoints,
      best === undefined ? "last" : "best-1",
      weightsFile(best === undefined ? lastStage : at(plan.stages, best.stage)),
    ),
  };
}

/** The stage that made the last update. */
function lastStageOf({ stages }: Plan, { stage, stopped }: Progress): Plan["stages"][number] {
  const found = stopped === null ? undefined : stages.find(({ name }) => name === stopped.stage);
  return found ?? at(stages, Math.min(stage, stages.length - 1));
}

type Tested = Pick<Evaluation, "metrics" | "tables">;

const nothing: Tested = { metrics: {}, tables: {} };

async function testChosen(
  context: LoopContext,
  progress: Progress,
  directory: RunDirectory,
): Promise<Tested> {
  const { plan, dataset, executor, folder, feeder, emit } = context;
  if (dataset.size("test") === 0) return nothing;
  const [best] = progress.best;
  const stage = best === undefined ? lastStageOf(plan, progress) : at(plan.stages, best.stage);
  const update = best?.update ?? progress.update;
  const state =
    best === undefined
      ? evaluatedState(plan, stage, context.state)
      : new Map([
          ...context.state,
          ...readWeights(join(directory.checkpoints, best.folder), plan, weightsFile(stage)),
        ]);
  const graphs = await loadEvaluation(executor, folder, plan, stage);
  try {
    const started = performance.now();
    const { metrics, tables, warnings } = await evaluate({
      plan,
      stage,
      split: "test",
      graphs,
      dataset,
      feeder,
      state,
      update,
      ...tracing(context, stage, "test", update),
    });
    const ms = performance.now() - started;
    emit({ type: "validation", split: "test", update, stage: stage.name, metrics, tables, ms });
    for (const { code, message, hint } of warnings)
      emit({ type: "warning", code, message, hint, update });
    return { metrics, tables };
  } finally {
    await graphs.close();
  }
}

function judged(
  { name, comparison, target }: Objective,
  metrics: Readonly<Record<string, number | null>>,
): RunResult["objectives"][number] {
  const value = metrics[name] ?? null;
  return { name, target, value, met: value !== null && compare(value, comparison, target) };
}

function compare(value: number, comparison: Objective["comparison"], target: number): boolean {
  switch (comparison) {
    case ">=":
      return value >= target;
    case "<=":
      return value <= target;
    case ">":
      return value > target;
    case "<":
      return value < target;
  }
}

/** The float types that parameters really have. */
function precisionOf({ state }: Plan): string {
  const dtypes = state.flatMap(({ role, dtype }) => (role === "parameter" ? [dtype] : []));
  return [...new Set(dtypes)].sort().join("+");
}
