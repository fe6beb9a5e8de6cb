/** Stages with losses, rules and schedules of their own: what the plan says, and what graphs compute. */

import { expect, it } from "vitest";
import type { LoweredTrain } from "../../compiler/lower/train.js";
import { at, invariant } from "../../grammar/invariant.js";
import { createSchedules, createTimeline } from "../../runtime/schedule.js";
import { lossesOf } from "../../runtime/train/losses.js";
import { lower, number, numbers, pictures, run } from "./run-graph.js";

const program = (members: string): string => `
import { Linear } from "saic:layers"
import { adamw, sgd } from "saic:optimizers"
import { cosine, hold, ramp } from "saic:schedules"
${pictures}
block Net() {
  in  image: f32[B, 3, H, W]
  out y: f32[B]
  y = image |> mean(axes: [2, 3]) |> Linear(1) as head |> squeeze(axis: 1)
}

train tiny {
  model: Net()
  data:  Pictures
  ${members}
}
`;

const lowerWith = (members: string): LoweredTrain => lower(program(members));

it("weights and schedules of a loss: gradients as the formula says, each stage its own loss", () => {
  const lowered = lowerWith(`
    loss {
      weight v: f32[] = 0.5
      beta  = ramp(from: 0, to: 1, over: 4 steps) then hold()
      error = average(square(y))
      total = exp(-v) * error + 3 * v + 0.5 * beta * error
    }
    loss calibrate {
      weight t: f32[] = 1
      total = ratio(abs(t * y), 1, at_least: 100)
    }
    optimizer: sgd(lr: 0.1)
    stage fit for 2 epochs { }
    stage calibrate for 1 epochs {
      loss: calibrate
      freeze model.**
    }`);
  const { plan } = lowered;
  expect(plan.state.map(({ key }) => key)).toContain("loss.calibrate.t");
  expect(plan.stages.map(({ trainable }) => trainable)).toEqual([
    ["model.head.weight", "model.head.bias", "loss.v"],
    ["loss.calibrate.t"],
  ]);
  expect(plan.stages.map(({ losses }) => losses.map(({ name }) => name))).toEqual([
    ["error", "total"],
    ["total"],
  ]);
  expect(plan.stages.map(({ schedules }) => schedules)).toEqual([["lr", "loss.beta"], ["lr"]]);

  const given = { "loss.v": [0.7], "schedule:loss.beta": [0.25] };
  const { results } = run(lowered, "fit/grad.onnx", given);
  const sums = Object.fromEntries(
    Object.keys(results)
      .filter((name) => name.startsWith("sum:"))
      .map((name) => name.slice("sum:".length))
      .map((atom) => [
        atom,
        [number(results, `sum:${atom}`), number(results, `weight:${atom}`)] as const,
      ]),
  );
  const { error, total } = lossesOf(at(plan.stages, 0).losses, sums);
  invariant(error !== undefined && total !== undefined, "both losses are measured");
  expect(total).toBeCloseTo(Math.exp(-0.7) * error + 3 * 0.7 + 0.5 * 0.25 * error, 5);
  expect(number(results, "gradient:loss.v")).toBeCloseTo(3 - Math.exp(-0.7) * error, 5);
  // The bias shifts every y: d error / d bias = 2 mean(y), scaled as the total scales the error.
  const half = run(lowered, "fit/grad.onnx", { ...given, "schedule:loss.beta": [0] }).results;
  const ratio =
    number(results, "gradient:model.head.bias") / number(half, "gradient:model.head.bias");
  expect(ratio).toBeCloseTo((Math.exp(-0.7) + 0.125) / Math.exp(-0.7), 5);

  const calibrated = run(lowered, "calibrate/grad.onnx", { "loss.calibrate.t": [2] }).results;
  expect(numbers(calibrated, "weight:total")).toEqual([4]);
  // Four records, and the sum is divided by no less than a hundred.
  const sum = number(calibrated, "sum:total");
  expect(number(calibrated, "gradient:loss.calibrate.t")).toBeCloseTo(sum / 2 / 100, 5);
  const atoms = { total: [sum, 4] as const };
  expect(lossesOf(at(plan.stages, 1).losses, atoms)["total"]).toBeCloseTo(sum / 100, 6);
});

it("evaluation measures the loss of its stage", () => {
  const { plan, graphs } = lowerWith(`
    loss a { total = average(square(y)) }
    loss b { total = average(abs(y)) }
    optimizer: sgd(lr: 0.1)
    stage first for 1 epochs { loss: a }
    stage second for 1 epochs { loss: b }
    stage third for 1 epochs { loss: a }`);
  const file = (stage: string) => graphs.get(`${stage}/eval.onnx`);
  expect(file("first")).toBe(file("third"));
  expect(file("first")).not.toBe(file("second"));
  expect(at(plan.stages, 1).graphs.eval.outputs.map(({ name }) => name)).toContain("sum:total");
});

it("a rule, settings and schedules of stages; the train's spans those that have none", () => {
  const { plan } = lowerWith(`
    loss { total = average(square(y)) }
    optimizer: adamw(lr: 1)
    schedule: cosine(to: 0)
    stage a for 4 steps { }
    stage b for 3 steps { schedule: hold() }
    stage c for 4 steps { optimizer.lr: 2 }
    stage d for 2 steps {
      optimizer: sgd(lr: 0.5, momentum: 0.9)
      restart schedule
    }`);
  expect(plan.schedules.map(({ name, stages, without }) => [name, stages, without])).toEqual([
    ["lr", [0, 2], [1]],
    ["lr@b", [1, 1], undefined],
    ["lr@c", [0, 2], [1]],
    ["lr@d", [3, 3], undefined],
  ]);
  expect(plan.stages.map(({ schedules }) => schedules)).toEqual([
    ["lr"],
    ["lr@b"],
    ["lr@c"],
    ["lr@d"],
  ]);
  const schedules = createSchedules(plan, createTimeline(plan, 8));
  const fall = (base: number, t: number, n: number): number =>
    base * 0.5 * (1 + Math.cos((Math.PI * t) / n));
  expect(schedules.valueAt("lr", 3)).toBeCloseTo(fall(1, 2, 8), 9);
  // While stage b runs, the train's schedule stands still.
  expect(schedules.valueAt("lr", 6)).toBeCloseTo(fall(1, 3, 8), 9);
  expect(schedules.valueAt("lr@b", 6)).toBe(1);
  expect(schedules.valueAt("lr@c", 8)).toBeCloseTo(fall(2, 4, 8), 9);
  expect(schedules.valueAt("lr@c", 11)).toBeCloseTo(fall(2, 7, 8), 9);
  expect(schedules.valueAt("lr@d", 13)).toBeCloseTo(fall(0.5, 1, 2), 9);
  // Moments of adamw go on through three stages; sgd keeps another slot.
  expect(plan.stages.map(({ bornSlots }) => bornSlots.length)).toEqual([4, 0, 0, 2]);
  expect(plan.state.filter(({ role }) => role === "slot").map(({ path }) => path)).toEqual([
    "model.head.weight/exp_avg",
    "model.head.weight/exp_avg_sq",
    "model.head.bias/exp_avg",
    "model.head.bias/exp_avg_sq",
    "model.head.weight/momentum_buffer",
    "model.head.bias/momentum_buffer",
  ]);
});

it("slots are made anew when a weight learns again, or its rule keeps others", () => {
  const { plan } = lowerWith(`
    loss { total = average(square(y)) }
    optimizer: sgd(lr: 1)
    stage a for 1 steps { }
    stage b for 1 steps { optimizer.momentum: 0.9 }
    stage c for 1 steps { optimizer.momentum: 0.5  freeze model.head.bias }
    stage d for 1 steps { optimizer.momentum: 0.9 }`);
  expect(plan.stages.map(({ bornSlots }) => bornSlots)).toEqual([
    [],
    ["model.head.weight/momentum_buffer", "model.head.bias/momentum_buffer"],
    [],
    ["model.head.bias/momentum_buffer"],
  ]);
});

it("initial values by the first rule that matches", () => {
  const { plan } = lowerWith(`
    loss { weight v: f32[] = 0  total = exp(v) * average(square(y)) }
    optimizer: sgd(lr: 1)
    init {
      model.**.bias: 0.25
      model.head, loss.**: normal(std: 0.02)
    }
    stage a for 1 steps { }`);
  expect(plan.state.map(({ path, init }) => [path, init])).toEqual([
    ["model.head.weight", { kind: "normal", mean: 0, std: 0.02 }],
    ["model.head.bias", { kind: "constant", value: 0.25 }],
    ["loss.v", { kind: "normal", mean: 0, std: 0.02 }],
  ]);
});

it("slots of their own types are part of the state, and updated", () => {
  const lowered = lower(
    program(`
    loss { total = average(square(y)) }
    optimizer: coded(lr: 0.5)
    stage a for 1 steps { freeze model.head.bias }`).replace(
      "train tiny",
      `optimizer coded(lr: float) {
  in p, g
  let K = size(p)
  slot sign: u8[K] = 1
  slot peak: f32[1] = 0
  let flat = g |> reshape(K)
  sign <- cast(flat > 0, dtype: u8)
  peak <- abs(flat) |> amax(axes: [0], keep: true)
  p <- p - lr * g
}
train tiny`,
    ),
  );
  const slots = lowered.plan.state.filter(({ role }) => role === "slot");
  expect(slots.map(({ path, dtype, shape, init }) => [path, dtype, shape, init])).toEqual([
    ["model.head.weight/sign", "u8", [3], { kind: "constant", value: 1 }],
    ["model.head.weight/peak", "f32", [1], { kind: "constant", value: 0 }],
  ]);
  const gradient = numbers(run(lowered, "a/grad.onnx", {}).results, "gradient:model.head.weight");
  const { results } = run(lowered, "a/step.onnx", {});
  expect(numbers(results, "next:model.head.weight/sign")).toEqual(
    gradient.map((g) => Number(g > 0)),
  );
  expect(number(results, "next:model.head.weight/peak")).toBeCloseTo(
    Math.max(...gradient.map(Math.abs)),
    5,
  );
});
