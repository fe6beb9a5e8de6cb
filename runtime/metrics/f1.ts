/** F1: the harmonic mean of precision and recall of the positive class. */

import { type Accumulator, decisionsOf } from "./metric.js";

/** 2 TP / (2 TP + FP + FN) with "positive" meaning sigmoid(logit) > threshold. */
export function createF1(names: {
  readonly logits: string;
  readonly labels: string;
  readonly threshold: number;
}): Accumulator {
  let truePositive = 0;
  let wrong = 0;
  return {
    add: (tensor, valid) => {
      for (const { logit, positive } of decisionsOf(
        tensor(names.logits),
        tensor(names.labels),
        valid,
      )) {
        const predicted = 1 / (1 + Math.exp(-logit)) > names.threshold;
        if (predicted && positive) truePositive++;
        else if (predicted !== positive) wrong++;
      }
    },
    value: () =>
      truePositive + wrong === 0
        ? { value: null, reason: "nothing is positive and nothing is predicted to be" }
        : { value: (2 * truePositive) / (2 * truePositive + wrong) },
  };
}
