/** The measures of a split: some from accumulated totals, some from all scores at once. */

import type { GraphSpec, Metric } from "../../compiler/plan/schema.js";
import type { Tensors } from "../executor/executor.js";
import type { HostTensor } from "../tensor.js";
import { createCurve } from "./curves.js";
import type { Accumulator, MetricValue } from "./metric.js";
import { numbersOf } from "./numbers.js";

/** A fresh accumulator for one pass over a split; `null` for what the closing graph gives. */
export const createAccumulator = (measure: Metric["measure"]): Accumulator | null =>
  measure.kind === "result" ? null : createCurve(measure);

/** The tensors of a batch's graph that a metric reads. */
export const inputsOf = (measure: Metric["measure"]): readonly string[] =>
  measure.kind === "result"
    ? []
    : [measure.logits, measure.labels, ...(measure.within === null ? [] : [measure.within])];

/** A number that the closing graph gave: undefined where it divided nothing by nothing. */
export function resultOf(tensor: HostTensor): MetricValue {
  const value = numbersOf(tensor)(0);
  if (Number.isNaN(value))
    return { value: null, reason: "it comes to no number, as when nothing is divided by nothing" };
  if (!Number.isFinite(value)) return { value: null, reason: "it is infinite" };
  return { value };
}

/** Whether a metric is several numbers: it is reported, and nothing is judged by it. */
export const isTable = (
  measure: Metric["measure"],
): measure is Extract<Metric["measure"], { kind: "result" }> =>
  measure.kind === "result" && measure.shape.length > 0;

/** The results of the closing graph by name. */
export const resultsOf = (spec: GraphSpec, outputs: Tensors): ReadonlyMap<string, HostTensor> =>
  new Map(
    spec.outputs.flatMap(({ name, meaning }) => {
      const tensor = outputs.get(name);
      return meaning.kind === "result" && tensor !== undefined
        ? [[meaning.result, tensor] as const]
        : [];
    }),
  );
