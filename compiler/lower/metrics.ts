/** Lowers metrics: what the evaluation graph gives for them, the closing graph, their part of the plan. */

import { invariant } from "../../grammar/invariant.js";
import { printSpan } from "../../grammar/source.js";
import type { EvaluatedMetric, EvaluatedMetrics } from "../check/metrics.js";
import type { Graph, NamedValue, Value } from "../ir/graph.js";
import { isNumeric } from "../ir/type.js";
import type { Plan } from "../plan/schema.js";
import type { Forward } from "./forward.js";
import { resultName, totalName } from "./naming.js";
import { pruned } from "./stage.js";

export interface LoweredMetrics {
  /** For the evaluation graph, beside the losses. */
  readonly outputs: readonly NamedValue[];
  readonly metrics: Plan["metrics"];
  readonly accumulators: Plan["accumulators"];
  readonly closing: Graph | null;
}

export function lowerMetrics({ find }: Forward, measured: EvaluatedMetrics): LoweredMetrics {
  const tensors = new Map<number, NamedValue>();
  const nameOf = (value: Value): string => {
    const moved = find(value);
    const own = tensors.get(moved.id) ?? { name: `metric:${tensors.size}`, value: moved };
    tensors.set(moved.id, own);
    return own.name;
  };
  const measureOf = ({ measure }: EvaluatedMetric): Plan["metrics"][number]["measure"] => {
    if (measure.kind !== "result")
      return {
        kind: measure.kind,
        logits: nameOf(measure.logits),
        labels: nameOf(measure.labels),
        within: measure.within === null ? null : nameOf(measure.within),
      };
    const { shape } = measure.value.type;
    invariant(isNumeric(shape), `the result \`${measure.result}\` has no size`);
    return { kind: "result", result: measure.result, shape: [...shape] };
  };
  // A size that only the data tell has been noted: such a program is checked and not run.
  const isSettled = [...measured.accumulators, ...measured.results.map(({ value }) => value)].every(
    ({ type }) => isNumeric(type.shape),
  );
  const kept = measured.metrics.filter(({ measure }) => isSettled || measure.kind !== "result");
  const metrics = kept.map((metric) => ({
    split: metric.split,
    name: metric.name,
    measure: measureOf(metric),
    better: metric.better,
    place: printSpan(metric.span),
  }));
  const accumulators = isSettled ? measured.accumulators : [];
  const results = measured.results.map(({ name, value }) => ({ name: resultName(name), value }));
  return {
    outputs: [
      ...accumulators.map(({ key, batch }) => ({ name: totalName(key), value: find(batch) })),
      ...tensors.values(),
    ],
    metrics,
    accumulators: accumulators.map(({ key, reduction, type: { dtype, shape } }) => {
      invariant(isNumeric(shape), `the accumulator \`${key}\` has no size`);
      return { name: key, reduction, dtype, shape: [...shape] };
    }),
    closing:
      isSettled && results.length > 0
        ? pruned(measured.closing.builder.finish("closing", results))
        : null,
  };
}
