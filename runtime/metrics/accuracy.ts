/** Accuracy: the share of records whose largest logit is the label, or whose logit has the label's sign. */

import { elementCount } from "../tensor.js";
import { type Accumulator, decisionsOf, shapesDiffer } from "./metric.js";
import { numbersOf } from "./numbers.js";

/**
 * Logits `[B, C]` with labels `[B]` of class indices: the first of the largest counts. Logits with
 * as many elements as labels: above zero means positive.
 */
export function createAccuracy(names: {
  readonly logits: string;
  readonly labels: string;
}): Accumulator {
  let right = 0;
  let all = 0;
  return {
    add: (tensor, valid) => {
      const logits = tensor(names.logits);
      const labels = tensor(names.labels);
      const classes = elementCount(logits.shape) / elementCount(labels.shape);
      if (classes === 1) {
        for (const { logit, positive } of decisionsOf(logits, labels, valid)) {
          all++;
          if (logit > 0 === positive) right++;
        }
        return;
      }
      if (elementCount(labels.shape) !== valid.length || !Number.isInteger(classes))
        throw shapesDiffer(logits, labels);
      const logit = numbersOf(logits);
      const label = numbersOf(labels);
      for (let record = 0; record < valid.length; record++) {
        if (valid[record] !== 1) continue;
        let largest = 0;
        for (let c = 1; c < classes; c++)
          if (logit(record * classes + c) > logit(record * classes + largest)) largest = c;
        all++;
        // A NaN is never larger than anything and must not win as class 0.
        if (largest === label(record) && !Number.isNaN(logit(record * classes + largest))) right++;
      }
    },
    value: () =>
      all === 0 ? { value: null, reason: "there are no records" } : { value: right / all },
  };
}
