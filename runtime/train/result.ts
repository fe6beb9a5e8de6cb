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
import { evaluate, type Evaluation, loadEvaluation } from "./evaluate.js";
import { lastLosses, type LoopContext, type LoopOutcome } from "./loop.js";

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
  if (status === "finished" && best === undefined && plan.checkpoint.best !== null) {
    const { metric } = plan.checkpoint.best;
    const { code, message, hint } = diagnose(bestUndefined, { metric }, null);
    context.emit({ type: "warning", code, message, hint, update: progress.update });
  }
  const test = status === "finished" ? await testChosen(context, progress, directory) : nothing;
  const lastStage = at(plan.stages, Math.min(progress.stage, plan.stages.length - 1));
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
    epochs: progress.update / context.timeline.batchesPerEpoch,
    metrics,
    tables: { ...(best?.tables ?? progress.tables), ...test.tables },
    objectives: plan.objectives.map((objective) => judged(objective, metrics)),
    executor: context.executor.name,
    precision: { asked: plan.precision.asked, ran: precisionOf(plan) },
    weights: join(
      directory.checkpoints,
      best === undefined ? "last" : "best-1",
      "model.safetensors",
    ),
  };
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
  const stage = at(plan.stages, best?.stage ?? plan.stages.length - 1);
  const update = best?.update ?? progress.update;
  const state =
    best === undefined
      ? context.state
      : new Map([...context.state, ...readWeights(join(directory.checkpoints, best.folder), plan)]);
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
