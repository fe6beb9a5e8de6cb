/** What stages are evaluated by: one graph for all stages of a loss, and one of its own for each that measures more. */

import { invariant } from "../../grammar/invariant.js";
import type { CheckedLoss } from "../check/losses.js";
import type { CheckedStage } from "../check/stages.js";
import type { Graph } from "../ir/graph.js";
import type { Plan, Stage } from "../plan/schema.js";
import type { Forward } from "./forward.js";
import { graphSpec } from "./graph-spec.js";
import { type LoweredMetrics, lowerMetrics } from "./metrics.js";
import { evaluationGraph } from "./stage.js";

export interface StageEvaluation {
  readonly graph: Graph;
  /** What the stage measures in place of the plan's metrics. */
  readonly measures: Pick<Stage, "measures">;
}

export interface Evaluations {
  /** Metrics of the train. */
  readonly measures: NonNullable<Stage["measures"]>;
  readonly of: (stage: CheckedStage) => StageEvaluation;
  /** Graphs that close metrics, by their files. */
  readonly closing: ReadonlyMap<string, Graph>;
}

export function lowerEvaluations(forward: Forward): Evaluations {
  const closing = new Map<string, Graph>();
  const planned = (measured: LoweredMetrics, file: string): NonNullable<Stage["measures"]> => {
    if (measured.closing !== null) closing.set(file, measured.closing);
    return {
      metrics: measured.metrics,
      accumulators: measured.accumulators,
      closing:
        measured.closing === null
          ? null
          : graphSpec(measured.closing, file, { draws: new Map(), bindings: new Map() }),
    };
  };
  const shared = lowerMetrics(forward, forward.measured);
  const graphOf = (loss: CheckedLoss, { outputs }: LoweredMetrics): Graph => {
    const objective = forward.objectives.find(({ evaluated }) => evaluated.loss === loss);
    invariant(objective !== undefined, "every loss is evaluated");
    return evaluationGraph(forward, objective, "eval", outputs);
  };
  const byLoss = new Map<CheckedLoss, Graph>();
  const own = new Map<CheckedStage, StageEvaluation>();
  for (const [stage, measured] of forward.measuredIn) {
    const lowered = lowerMetrics(forward, measured);
    const measures = planned(lowered, `${stage.member.name.text}/closing.onnx`);
    own.set(stage, { graph: graphOf(stage.loss, lowered), measures: { measures } });
  }
  return {
    measures: planned(shared, "closing.onnx"),
    of: (stage) => {
      const found = own.get(stage);
      if (found !== undefined) return found;
      const graph = byLoss.get(stage.loss) ?? graphOf(stage.loss, shared);
      byLoss.set(stage.loss, graph);
      return { graph, measures: {} };
    },
    closing,
  };
}

/** The metrics of the plan: those that no stage adds to. */
export const metricsOfPlan = ({
  measures: { metrics, accumulators, closing },
}: Evaluations): Pick<Plan, "metrics" | "accumulators" | "closing"> => ({
  metrics,
  accumulators,
  closing,
});
