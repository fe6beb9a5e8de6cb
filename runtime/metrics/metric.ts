/** What every metric is: tensors batch by batch in, one number or none out. */

import { diagnose } from "../../grammar/diagnostic.js";
import { artifactInconsistent } from "../../grammar/diagnostics/run.js";
import { exitCodes, Fault } from "../fault.js";
import { elementCount, type HostTensor } from "../tensor.js";
import { numbersOf } from "./numbers.js";

export type MetricValue =
  | { readonly value: number }
  /** Undefined, and why. */
  | { readonly value: null; readonly reason: string };

export interface Accumulator {
  /** `tensor(name)`: what the evaluation graph gave; `valid`: 1 for a record, 0 for padding. */
  readonly add: (tensor: (name: string) => HostTensor, valid: Uint8Array) => void;
  readonly value: () => MetricValue;
}

/** One binary decision: a logit, whether the label is positive, and the record it belongs to. */
export interface Decision {
  readonly logit: number;
  readonly positive: boolean;
  readonly record: number;
}

/** The decisions of the real records; logits `[B]`, `[B, 1]` or `[B, K]` with labels of as many elements. */
export function* decisionsOf(
  logits: HostTensor,
  labels: HostTensor,
  valid: Uint8Array,
): Iterable<Decision> {
  const count = elementCount(logits.shape);
  if (count !== elementCount(labels.shape)) throw shapesDiffer(logits, labels);
  const logit = numbersOf(logits);
  const label = numbersOf(labels);
  const perRecord = count / valid.length;
  for (let i = 0; i < count; i++) {
    const record = Math.floor(i / perRecord);
    if (valid[record] === 1) yield { logit: logit(i), positive: label(i) !== 0, record };
  }
}

/** A fault that names both shapes. */
export const shapesDiffer = (logits: HostTensor, labels: HostTensor): Fault =>
  new Fault(
    diagnose(
      artifactInconsistent,
      {
        reason:
          `a metric compares logits ${logits.dtype}[${logits.shape.join(", ")}] ` +
          `with labels ${labels.dtype}[${labels.shape.join(", ")}]`,
      },
      null,
    ),
    exitCodes.environment,
  );
