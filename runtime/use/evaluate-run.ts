/** Measures the weights of a run on a split, as the run itself does at its end. */

import { join, resolve } from "node:path";
import { type Diagnostic, diagnose } from "../../grammar/diagnostic.js";
import { emptySplit } from "../../grammar/diagnostics/use.js";
import { createFiles } from "../atomic-file.js";
import type { SplitName } from "../data/dataset.js";
import { defaultCacheDir, openDataset } from "../data/open-dataset.js";
import type { Device, ExecutorName } from "../executor/executor.js";
import { openExecutor } from "../executor/open-executor.js";
import { exitCodes, Fault } from "../fault.js";
import type { Table } from "../metrics/table.js";
import { keepFits, keepSplit } from "../run-directory.js";
import { createSchedules, createTimeline } from "../schedule.js";
import { evaluate, loadEvaluation } from "../train/evaluate.js";
import { createFeeder } from "../train/feeds.js";
import type { ChosenWeights, OpenedRun } from "./open-run.js";

export interface EvaluationOptions {
  readonly split: SplitName;
  readonly device: Device;
  readonly threads: number;
  /** `null`: the first that works here. */
  readonly executor: ExecutorName | null;
}

export interface RunEvaluation {
  readonly records: number;
  readonly executor: ExecutorName;
  /** `test.loss`, `test.accuracy`, …; `null` where undefined. */
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly tables: Readonly<Record<string, Table>>;
  readonly warnings: readonly Diagnostic[];
}

/**
 * Every record of the split, every metric that the program measures on it (`train` those of
 * `val`). On one number of threads the numbers are the run's own, bit for bit. Faults with exit
 * code 6 where the data are no more what the run had, or the split is empty.
 */
export async function evaluateRun(
  { folder, artifact }: OpenedRun,
  { stage, state, update }: ChosenWeights,
  { split, device, threads, executor: asked }: EvaluationOptions,
): Promise<RunEvaluation> {
  const { plan } = artifact;
  const { executor, warning } = await openExecutor(asked, { device, threads });
  try {
    // The folder of runs, of the train and of the run: caches lie beside the first.
    const cacheDir = join(resolve(folder), "..", "..", "..", defaultCacheDir);
    const dataset = await openDataset(plan.data, { seed: plan.seed, threads, cacheDir });
    try {
      const kept = { folder, events: "", checkpoints: "", result: "" };
      // What was trained on must not be tested on: the split is held against the run's.
      const files = { ...createFiles(), publish: () => undefined };
      keepSplit(kept, dataset.manifest, "begun", files);
      keepFits(kept, dataset.fits ?? new Map(), "begun", files);
      if (dataset.size(split) === 0)
        throw new Fault(
          diagnose(emptySplit, { split, train: plan.train }, null),
          exitCodes.badData,
        );
      const timeline = createTimeline(plan, dataset.batchesPer("train"));
      const schedules = createSchedules(plan, timeline);
      const feeder = createFeeder({ seed: plan.seed, timeline, schedules });
      const graphs = await loadEvaluation(executor, artifact.folder, plan, stage);
      try {
        const request = { plan, stage, split, graphs, dataset, feeder, state, update };
        const { metrics, tables, warnings } = await evaluate(request);
        return {
          records: dataset.size(split),
          executor: executor.name,
          metrics,
          tables,
          warnings: [
            ...(warning === null ? [] : [warning]),
            ...(dataset.warnings ?? []),
            ...warnings,
          ],
        };
      } finally {
        await graphs.close();
      }
    } finally {
      await dataset.close();
    }
  } finally {
    await executor.close();
  }
}
