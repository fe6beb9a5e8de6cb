/** One pass over a held-out split: losses as in training, and the metrics of that split. */

import { measuresOf, type Plan, type Stage } from "../../compiler/plan/schema.js";
import { type Diagnostic, diagnose } from "../../grammar/diagnostic.js";
import { artifactInconsistent, metricUndefined } from "../../grammar/diagnostics/run.js";
import { invariant } from "../../grammar/invariant.js";
import type { Batch, Dataset, SplitName } from "../data/dataset.js";
import type { Executor, Graph, Tensors } from "../executor/executor.js";
import { exitCodes, Fault } from "../fault.js";
import { createAccumulator, isTable, resultOf, resultsOf } from "../metrics/metrics.js";
import { type Table, tableOf } from "../metrics/table.js";
import { createTotals, type Totals } from "../metrics/totals.js";
import type { HostTensor } from "../tensor.js";
import type { Feeder, FeedSources } from "./feeds.js";
import { requireFiniteLosses } from "./guards.js";
import { addAtoms, type AtomSums, atomsOf, lossesOf } from "./losses.js";

/** The loaded graphs of a stage's evaluation. */
export interface EvaluationGraphs {
  /** Run on every batch. */
  readonly batch: Graph;
  /** Run once on the totals; `null` where no metric is accumulated. */
  readonly closing: Graph | null;
  readonly close: () => Promise<void>;
}

/** Loads them from the artifact's folder. */
export async function loadEvaluation(
  executor: Executor,
  folder: string,
  plan: Plan,
  stage: Stage,
): Promise<EvaluationGraphs> {
  const { closing } = measuresOf(plan, stage);
  const batch = await executor.load(folder, stage.graphs.eval);
  const last = closing === null ? null : await executor.load(folder, closing);
  return {
    batch,
    closing: last,
    close: async () => {
      await batch.close();
      await last?.close();
    },
  };
}

export interface EvaluationRequest {
  readonly plan: Plan;
  readonly stage: Stage;
  /** `train` is measured as `val` is, without what training does to its records. */
  readonly split: SplitName;
  readonly graphs: EvaluationGraphs;
  readonly dataset: Dataset;
  readonly feeder: Feeder;
  readonly state: Tensors;
  /** Updates made so far. */
  readonly update: number;
  /** Told of a batch whose losses are not finite. */
  readonly onBad?: (sources: FeedSources) => Promise<void>;
}

export interface Evaluation {
  /** `val.loss`, `val.accuracy`, …; `null` where undefined. */
  readonly metrics: Readonly<Record<string, number | null>>;
  /** Metrics of several numbers: `val.confusion`. */
  readonly tables: Readonly<Record<string, Table>>;
  readonly warnings: readonly Diagnostic[];
}

/** Faults with exit code 4 when a loss is not finite. */
export async function evaluate(request: EvaluationRequest): Promise<Evaluation> {
  const { plan, stage, split, graphs, dataset, feeder, state } = request;
  const { batch: graph } = graphs;
  const measures = measuresOf(plan, stage);
  const measured = measures.metrics
    .filter((metric) => metric.split === (split === "train" ? "val" : split))
    .map(({ name, measure }) => ({
      name: `${split}.${name}`,
      measure,
      accumulator: createAccumulator(measure),
    }));
  const totals = createTotals(measures.accumulators);
  let sums: AtomSums = {};
  let firstRecord = 0;
  for await (const batch of dataset.evaluationBatches(split)) {
    // Schedules have no value before the first update: an untrained model is seen as at that one.
    const update = Math.max(1, request.update);
    const sources = { update, batch, state, gradients: noTensors, firstRecord };
    const outputs = await graph.run(feeder(graph.spec, sources));
    const atoms = atomsOf(graph.spec, outputs);
    if (!Object.values(atoms).flat().every(Number.isFinite)) await request.onBad?.(sources);
    sums = addAtoms(sums, atoms);
    const tensor = (name: string): HostTensor => tensorNamed(name, outputs, batch);
    for (const { accumulator } of measured) accumulator?.add(tensor, batch.valid);
    totals.add(graph.spec, outputs);
    firstRecord += batch.valid.length;
    batch.release?.();
  }
  const losses = lossesOf(stage.losses, sums);
  const named = Object.entries(losses).map(([name, value]) => [`${split}.${name}`, value] as const);
  requireFiniteLosses(Object.fromEntries(named), { stage: stage.name, update: request.update });
  const metrics: Record<string, number | null> = Object.fromEntries(named);
  const tables: Record<string, Table> = {};
  const warnings: Diagnostic[] = [];
  const results = await closingResults(graphs.closing, totals);
  for (const { name, measure, accumulator } of measured) {
    const tensor = measure.kind === "result" ? results.get(measure.result) : undefined;
    if (tensor !== undefined && isTable(measure)) {
      tables[name] = tableOf(tensor);
      continue;
    }
    const result = accumulator?.value() ?? (tensor === undefined ? null : resultOf(tensor));
    invariant(result, `nothing measures \`${name}\``);
    metrics[name] = result.value;
    if (result.value === null)
      warnings.push(diagnose(metricUndefined, { metric: name, reason: result.reason }, null));
  }
  return { metrics, tables, warnings };
}

async function closingResults(
  closing: Graph | null,
  totals: Totals,
): Promise<ReadonlyMap<string, HostTensor>> {
  if (closing === null) return new Map();
  return resultsOf(closing.spec, await closing.run(totals.feeds(closing.spec)));
}

const noTensors: Tensors = new Map();

/** A metric reads an output of the graph, or else a field of the batch. */
function tensorNamed(name: string, outputs: Tensors, batch: Batch): HostTensor {
  const tensor = outputs.get(name) ?? batch.fields.get(name);
  if (tensor !== undefined) return tensor;
  throw new Fault(
    diagnose(
      artifactInconsistent,
      { reason: `a metric reads \`${name}\`, which is no output and no field` },
      null,
    ),
    exitCodes.environment,
  );
}
