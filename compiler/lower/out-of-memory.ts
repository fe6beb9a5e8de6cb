/** `on_oom: halve_microbatch()`: what a smaller micro-batch would change in silence. */

import { statisticsOfBatch } from "../../grammar/diagnostics/training.js";
import { dependsOnBatch } from "../check/batch-free.js";
import { type Frame, report } from "../check/frame.js";
import { isFloat } from "../ir/type.js";
import type { Forward } from "./forward.js";
import type { StagePlan } from "./stage.js";

/**
 * Reports a state that a training pass sets from its batch, as batch normalization does: halves of a
 * micro-batch have statistics of their own, and the program does not say that they may differ.
 */
export function checkOutOfMemory(
  frame: Frame,
  { name, updates }: Pick<StagePlan, "name" | "updates">,
  { applied: { elaboration } }: Forward,
): void {
  const span = updates.halvedUnallowed;
  if (span === null) return;
  for (const [path, value] of elaboration.updates) {
    if (!isFloat(value.type.dtype) || !dependsOnBatch(elaboration, value)) continue;
    const place = elaboration.members.get(path)?.place.span;
    const labels = place === undefined ? [] : [{ span: place, text: "set from each micro-batch" }];
    report(frame, statisticsOfBatch, { path, stage: name }, span, labels);
    return;
  }
}
