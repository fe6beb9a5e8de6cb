/** One pass over a held-out split: losses as in training, and the metrics of that split. */

import type { Plan, Stage } from "../../compiler/plan/schema.js";
import { type Diagnostic, diagnose } from "../../grammar/diagnostic.js";
import { artifactInconsistent, metricUndefined } from "../../grammar/diagnostics/run.js";
import type { Batch, Dataset } from "../data/dataset.js";
import type { Graph, Tensors } from "../executor/executor.js";
import { exitCodes, Fault } from "../fault.js";
import { createAccumulator } from "../metrics/metrics.js";
import type { HostTensor } from "../tensor.js";
import type { Feeder } from "./feeds.js";
import { requireFiniteLosses } from "./guards.js";
import { addAtoms, type AtomSums, atomsOf, lossesOf } from "./losses.js";

export interface EvaluationRequest {
  readonly plan: Plan;
  readonly stage: Stage;
  readonly split: "val" | "test";
  /** The stage's loaded `eval` graph. */
  readonly graph: Graph;
  readonly dataset: Dataset;
  readonly feeder: Feeder;
  readonly state: Tensors;
  /** Updates made so far. */
  readonly update: number;
}

export interface Evaluation {
  /** `val.loss`, `val.accuracy`, …; `null` where undefined. */
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly warnings: readonly Diagnostic[];
}

/** Faults with exit code 4 when a loss is not finite. */
export async function evaluate(request: EvaluationRequest): Promise<Evaluation> {
  const { plan, stage, split, graph, dataset, feeder, state } = request;
  const measured = plan.metrics
    .filter((metric) => metric.split === split)
    .map(({ name, measure }) => ({ name, accumulator: createAccumulator(measure) }));
  let sums: AtomSums = {};
  let firstRecord = 0;
  for await (const batch of dataset.evaluationBatches(split)) {
    // Schedules have no value before the first update: an untrained model is seen as at that one.
    const update = Math.max(1, request.update);
    const sources = { update, batch, state, gradients: noTensors, firstRecord };
    const outputs = await graph.run(feeder(graph.spec, sources));
    sums = addAtoms(sums, atomsOf(graph.spec, outputs));
    const tensor = (name: string): HostTensor => tensorNamed(name, outputs, batch);
    for (const { accumulator } of measured) accumulator.add(tensor, batch.valid);
    firstRecord += batch.valid.length;
  }
  const losses = lossesOf(stage.losses, sums);
  const named = Object.entries(losses).map(([name, value]) => [`${split}.${name}`, value] as const);
  requireFiniteLosses(Object.fromEntries(named), { stage: stage.name, update: request.update });
  const metrics: Record<string, number | null> = Object.fromEntries(named);
  const warnings: Diagnostic[] = [];
  for (const { name, accumulator } of measured) {
    const result = accumulator.value();
    const metric = `${split}.${name}`;
    metrics[metric] = result.value;
    if (result.value === null)
      warnings.push(diagnose(metricUndefined, { metric, reason: result.reason }, null));
  }
  return { metrics, warnings };
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
