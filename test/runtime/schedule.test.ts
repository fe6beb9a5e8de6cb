/** Schedules and durations against numbers computed by hand. */

import { expect, test } from "vitest";
import type { Duration, Plan, Schedule, Stage } from "../../compiler/plan/schema.js";
import type { ScalarExpr } from "../../compiler/plan/scalar.js";
import {
  createSchedules,
  createTimeline,
  evaluateScalar,
  updatesIn,
} from "../../runtime/schedule.js";

const number = (value: number): ScalarExpr => ({ kind: "number", value });
const variable = (name: "base" | "t" | "n" | "u"): ScalarExpr => ({ kind: "variable", name });
const binary = (
  operator: Extract<ScalarExpr, { kind: "binary" }>["operator"],
  left: ScalarExpr,
  right: ScalarExpr,
): ScalarExpr => ({ kind: "binary", operator, left, right });
const cos = (operand: ScalarExpr): ScalarExpr => ({ kind: "call", function: "cos", operand });

const warmup = binary(
  "*",
  variable("base"),
  binary("/", binary("+", variable("t"), number(1)), variable("n")),
);
/** to + (base - to) * 0.5 * (1 + cos(pi * u)) with to = 0.1 */
const cosine = binary(
  "+",
  number(0.1),
  binary(
    "*",
    binary("*", binary("-", variable("base"), number(0.1)), number(0.5)),
    binary("+", number(1), cos(binary("*", number(Math.PI), variable("u")))),
  ),
);

const steps = (amount: number): Duration => ({ amount, unit: "step" });
const epochs = (amount: number): Duration => ({ amount, unit: "epoch" });
const percent = (amount: number): Duration => ({ amount, unit: "percent" });

/** Stages of 10 updates, 2 epochs and 4 updates; an epoch has 5 batches. */
const plan = (
  segments: Schedule["segments"],
  spanned: [number, number] = [0, 2],
  durations = [steps(10), epochs(2), steps(4)],
): Plan => {
  const schedule: Schedule = { name: "s", base: 1, stages: spanned, segments };
  const stages = durations.map((duration, i) => ({ name: `stage ${i}`, duration }) as Stage);
  // Only the parts that time depends on.
  return { stages, schedules: [schedule] } as Partial<Plan> as Plan;
};

const valuesOf = (p: Plan, updates: readonly number[]): readonly number[] => {
  const schedules = createSchedules(p, createTimeline(p, 5));
  return updates.map((update) => schedules.valueAt("s", update));
};

test("stages lie end to end", () => {
  expect(createTimeline(plan([]), 5)).toEqual({
    stages: [
      { start: 0, length: 10, perUpdate: 1, batches: 0, perEpoch: 5 },
      { start: 10, length: 10, perUpdate: 1, batches: 10, perEpoch: 5 },
      { start: 20, length: 4, perUpdate: 1, batches: 20, perEpoch: 5 },
    ],
    total: 24,
  });
});

test("a percentage is of what it stands in, and rounds", () => {
  expect(updatesIn(percent(10), 5, 24)).toBe(2);
  expect(updatesIn(percent(12.5), 5, 24)).toBe(3);
  expect(updatesIn(epochs(0.5), 5, 24)).toBe(3);
});

test("warmup then cosine over the rest", () => {
  const p = plan([
    { over: steps(4), value: warmup },
    { over: "rest", value: cosine },
  ]);
  const [first, second, third, fourth, fifth, middle, last, after] = valuesOf(
    p,
    [1, 2, 3, 4, 5, 15, 24, 40],
  );
  expect([first, second, third, fourth]).toEqual([0.25, 0.5, 0.75, 1]);
  // 20 updates are left: u = 0 at update 5, 1/2 at update 15, 19/20 at update 24 and from then on.
  expect(fifth).toBeCloseTo(1, 12);
  expect(middle).toBeCloseTo(0.1 + 0.9 * 0.5, 12);
  expect(last).toBeCloseTo(0.1 + 0.9 * 0.5 * (1 + Math.cos(0.95 * Math.PI)), 12);
  expect(after).toBe(last);
});

test("the base of a segment is the value at the last update before it", () => {
  // base * u over 4: 0, 1/4, 1/2, 3/4; then 3/4 held.
  const p = plan([
    { over: steps(4), value: binary("*", variable("base"), variable("u")) },
    { over: steps(2), value: variable("base") },
  ]);
  expect(valuesOf(p, [1, 2, 3, 4, 5, 6, 7, 24])).toEqual([
    0, 0.25, 0.5, 0.75, 0.75, 0.75, 0.75, 0.75,
  ]);
});

test("before its stages a schedule is its base, after them its last value", () => {
  const p = plan([{ over: "rest", value: variable("t") }], [1, 1]);
  expect(valuesOf(p, [1, 10, 11, 20, 21, 24])).toEqual([1, 1, 0, 9, 9, 9]);
});

test("percentages are of the spanned stages; segments that round to nothing are skipped", () => {
  const p = plan(
    [
      { over: percent(50), value: number(2) },
      { over: percent(1), value: number(99) },
      { over: "rest", value: binary("+", variable("base"), number(1)) },
    ],
    [0, 1],
  );
  expect(valuesOf(p, [1, 10, 11, 20])).toEqual([2, 2, 3, 3]);
});

test("every operator and function", () => {
  const at = { base: 3, t: 2, n: 8, u: 0.25 };
  const value = (expr: ScalarExpr): number => evaluateScalar(expr, at);
  const [base, t] = [variable("base"), variable("t")];
  expect(value(binary("pow", base, t))).toBe(9);
  expect(value(binary("min", base, t))).toBe(2);
  expect(value(binary("max", base, t))).toBe(3);
  expect(value(binary("-", base, t))).toBe(1);
  const call = (name: Extract<ScalarExpr, { kind: "call" }>["function"], x: number): number =>
    value({ kind: "call", function: name, operand: number(x) });
  expect([call("floor", 1.5), call("ceil", 1.5), call("abs", -2), call("sqrt", 9)]).toEqual([
    1, 2, 2, 3,
  ]);
  expect([call("exp", 0), call("log", 1), call("sin", 0), call("cos", 0)]).toEqual([1, 0, 0, 1]);
});

test("a value that is not finite stops the run", () => {
  const p = plan([{ over: "rest", value: binary("/", number(1), variable("t")) }]);
  expect(valuesOf(p, [2, 3])).toEqual([1, 0.5]);
  expect(() => valuesOf(p, [1])).toThrow("`s` is Infinity at update 1");
});

test("contradictions are named", () => {
  const whole = { over: "rest" as const, value: number(1) };
  expect(() => valuesOf(plan([whole, whole]), [1])).toThrow("more than one segment over the rest");
  expect(() => valuesOf(plan([whole], [0, 3]), [1])).toThrow("stages that do not exist");
  expect(() => createTimeline(plan([], [0, 0], [percent(50)]), 5)).toThrow(
    "a percentage of itself",
  );
  expect(() => createTimeline(plan([], [0, 0], [steps(0)]), 5)).toThrow("lasts no update");
});
