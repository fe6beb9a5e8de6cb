/** What graphs are fed: counts since a stage, schedules, and draws that depend on their place alone. */

import { expect, test } from "vitest";
import type { GraphInput, GraphSpec, Plan, Stage } from "../../compiler/plan/schema.js";
import { createFeeder } from "../../runtime/train/feeds.js";
import { createSchedules, createTimeline } from "../../runtime/schedule.js";

// Only the parts that time depends on: stages of 3 and 5 updates, one schedule that counts from 0.
const plan = {
  stages: [3, 5].map(
    (amount, i) => ({ name: `stage ${i}`, duration: { amount, unit: "step" } }) as Stage,
  ),
  schedules: [
    {
      name: "lr",
      base: 1,
      stages: [0, 1],
      segments: [{ over: "rest", value: { kind: "variable", name: "t" } }],
    },
  ],
} as Partial<Plan> as Plan;

const timeline = createTimeline(plan, 4);
const feeder = createFeeder({ seed: 7, timeline, schedules: createSchedules(plan, timeline) });

/** The data fed to one input at an update. */
function feed(
  input: Omit<GraphInput, "name">,
  update: number,
  firstRecord = 0,
  from = feeder,
): readonly number[] {
  const spec: GraphSpec = {
    file: "step.onnx",
    inputs: [{ name: "x", ...input }],
    outputs: [],
    peakBytes: 0,
    flops: 0,
  };
  const none = new Map();
  const sources = { update, batch: null, state: none, gradients: none, firstRecord };
  return Array.from(from(spec, sources).get("x")?.data ?? [], Number);
}

const scalar = { dtype: "f32", shape: [] } as const;

test("a count is 1 at the first update of the stage it counts from", () => {
  const since = (stage: number, update: number) =>
    feed({ ...scalar, shape: [], feed: { kind: "count", since: stage } }, update);
  expect([since(0, 1), since(0, 2), since(0, 8)]).toEqual([[1], [2], [8]]);
  expect([since(1, 4), since(1, 8)]).toEqual([[1], [5]]);
});

test("updates that were skipped count for no optimizer", () => {
  const skipped = [1, 2];
  const schedules = createSchedules(plan, timeline);
  const own = createFeeder({ seed: 7, timeline, schedules, skipped });
  const since = (stage: number, update: number) =>
    feed({ ...scalar, shape: [], feed: { kind: "count", since: stage } }, update, 0, own);
  expect([since(0, 8), since(1, 8)]).toEqual([[5], [3]]);
  // It is counted on as the run goes on.
  skipped[1] = 3;
  expect([since(0, 8), since(1, 8)]).toEqual([[4], [2]]);
});

test("a schedule is its value at the update being made", () => {
  const lr = (update: number) =>
    feed({ ...scalar, shape: [], feed: { kind: "schedule", schedule: "lr" } }, update);
  expect([lr(1), lr(2), lr(8)]).toEqual([[0], [1], [7]]);
});

test("draws of a record depend on its place, not on the batch it is in", () => {
  const draw = (update: number, records: number, first: number) =>
    feed(
      {
        dtype: "f32",
        shape: [records, 3],
        feed: { kind: "random", draw: "drop", perRecord: true },
      },
      update,
      first,
    );
  const whole = draw(2, 4, 0);
  expect([...draw(2, 2, 0), ...draw(2, 2, 2)]).toEqual(whole);
  expect(new Set(whole).size).toBe(12);
  expect(draw(3, 4, 0)).not.toEqual(whole);
  expect(whole.every((value) => value >= 0 && value < 1)).toBe(true);
});
