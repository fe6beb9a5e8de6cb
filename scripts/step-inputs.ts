/** What a training step reads, for scripts that run steps by themselves: state, batches, schedules. */

import type { Plan } from "../compiler/plan/schema.js";
import type { Batch } from "../runtime/data/dataset.js";
import type { Tensors } from "../runtime/executor/executor.js";
import { createStream, integers, normal } from "../runtime/random.js";
import { createSchedules, createTimeline } from "../runtime/schedule.js";
import { startState } from "../runtime/starting-state.js";
import { elementCount, type HostTensor } from "../runtime/tensor.js";
import { createFeeder, type Feeder } from "../runtime/train/feeds.js";
import { type Settle, staying } from "../runtime/train/residence.js";

/** The state before the first update, by path, each tensor where `settle` puts it. */
export const initialState = (plan: Plan, settle: Settle = staying): Tensors =>
  startState(plan, new Map(), settle).state;

/** What `fixedBatch` draws. */
export interface BatchShape {
  readonly records: number;
  /** Integer fields lie below it. */
  readonly classes: number;
  /** Records at the end that are padding. */
  readonly padding?: number;
}

/** A batch of normal numbers and random classes that depends on its index alone. */
export function fixedBatch(
  plan: Plan,
  index: number,
  { records, classes, padding = 0 }: BatchShape,
): Batch {
  const fields = plan.data.outputs.map(({ name, dtype, shape }): [string, HostTensor] => {
    const stream = createStream(0, `fixed-batch/${name}`);
    const full = [records, ...shape];
    const count = elementCount(full);
    if (dtype === "f32")
      return [
        name,
        { dtype, shape: full, data: Float32Array.from(normal(stream, index, 0, count)) },
      ];
    if (dtype !== "i64") throw new Error(`no fixed batch has a field of ${dtype}`);
    const numbers = integers(stream, index, 0, classes, count);
    return [name, { dtype, shape: full, data: BigInt64Array.from(numbers, BigInt) }];
  });
  const count = records - padding;
  return {
    fields: new Map(fields),
    valid: Uint8Array.from({ length: records }, (_, i) => (i < count ? 1 : 0)),
    count,
  };
}

/** The feeder of a run of `updates` updates in one stage, with the schedules it follows. */
export function feederOf(plan: Plan, batchesPerEpoch: number) {
  const timeline = createTimeline(plan, batchesPerEpoch);
  const schedules = createSchedules(plan, timeline);
  const feeder: Feeder = createFeeder({ seed: plan.seed, timeline, schedules });
  return { feeder, schedules, timeline };
}
