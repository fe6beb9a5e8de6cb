/** The metrics the runtime computes, one file each; the plan names what they read. */

import type { Metric } from "../../compiler/plan/schema.js";
import { createAccuracy } from "./accuracy.js";
import { createAuroc } from "./auroc.js";
import { createF1 } from "./f1.js";
import type { Accumulator } from "./metric.js";

/** A fresh accumulator for one pass over a split. */
export function createAccumulator(measure: Metric["measure"]): Accumulator {
  switch (measure.kind) {
    case "accuracy":
      return createAccuracy(measure);
    case "f1":
      return createF1(measure);
    case "auroc":
      return createAuroc(measure);
  }
}

/** The tensors a metric reads. */
export function inputsOf(measure: Metric["measure"]): readonly string[] {
  const { logits, labels } = measure;
  return measure.kind === "auroc" && measure.within !== null
    ? [logits, labels, measure.within]
    : [logits, labels];
}
