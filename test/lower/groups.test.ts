/** Updates of a small train with parameter groups, against the formulas with each group's settings. */

import { expect, it } from "vitest";
import type { LoweredTrain } from "../../compiler/lower/train.js";
import { countOf } from "../../compiler/ops/kit/ndarray.js";
import { at } from "../../grammar/invariant.js";
import { createSchedules, createTimeline } from "../../runtime/schedule.js";
import { lower, numbers, type Numbers, pictures, run } from "./run-graph.js";

const program = (members: string): string => `
import { BatchNorm2d, Linear } from "saic:layers"
import { adamw, sgd } from "saic:optimizers"
import { cosine, warmup } from "saic:schedules"
${pictures}
block Net() {
  in  image: f32[B, 3, H, W]
  out y: f32[B]
  y = image
    |> BatchNorm2d() as norm
    |> mean(axes: [2, 3])
    |> Linear(5) as stem
    |> relu
    |> Linear(1) as head
    |> squeeze(axis: 1)
}

train tiny {
  model: Net()
  data:  Pictures
  loss { total = average(y) }
  ${members}
}
`;

const lowerWith = (members: string): LoweredTrain => lower(program(members));

const paths = [
  "model.norm.weight",
  "model.norm.bias",
  "model.stem.weight",
  "model.stem.bias",
  "model.head.weight",
  "model.head.bias",
] as const;

/** Runs the step graph, with the gradients of the same inputs beside its results. */
function step(lowered: LoweredTrain, given: Numbers): { fed: Numbers; results: Numbers } {
  const { fed, results } = run(lowered, "main/step.onnx", given);
  return { fed, results: { ...run(lowered, "main/grad.onnx", given).results, ...results } };
}

it("sgd: each parameter has the settings of the first group that says them", () => {
  const lowered = lowerWith(`
    optimizer: sgd(lr: 0.1, momentum: 0.9, weight_decay: 0.2)
    group norms_and_biases { weight_decay: 0 }
    group model.head.** { lr: 3 * lr  weight_decay: 0.5 }
    group model.stem.**, model.head.bias where size(p) > 1 { momentum: 0 }
    group model.** { lr: 7  momentum: 0.5 }
    stage main for 1 epochs { }`);
  const rates: Numbers = { "schedule:lr@2": [0.3], "schedule:lr@4": [7] };
  const { fed, results } = step(lowered, { ...rates, "count:0": [2] });
  const settings = {
    "model.norm.weight": { lr: 7, decay: 0, momentum: 0.5 },
    "model.norm.bias": { lr: 7, decay: 0, momentum: 0.5 },
    "model.stem.weight": { lr: 7, decay: 0.2, momentum: 0 },
    "model.stem.bias": { lr: 7, decay: 0, momentum: 0 },
    "model.head.weight": { lr: 0.3, decay: 0.5, momentum: 0.5 },
    // One element: the third group's condition leaves it out.
    "model.head.bias": { lr: 0.3, decay: 0, momentum: 0.5 },
  };
  for (const path of paths) {
    const { lr, decay, momentum } = settings[path];
    const gradient = numbers(results, `gradient:${path}`);
    const slot = `${path}/momentum_buffer`;
    expect(slot in fed).toBe(momentum > 0);
    for (const [i, p] of numbers(fed, path).entries()) {
      const d = at(gradient, i) + decay * p;
      const m = momentum === 0 ? d : momentum * at(numbers(fed, slot), i) + d;
      expect(at(numbers(results, `next:${path}`), i)).toBeCloseTo(p - lr * m, 10);
    }
  }
  // No parameter follows the optimizer's own rate.
  expect(lowered.plan.schedules.map(({ name, base }) => [name, base])).toEqual([
    ["lr@2", expect.closeTo(0.3, 12)],
    ["lr@4", 7],
  ]);
  expect(lowered.plan.stages[0]?.schedules).toEqual(["lr@2", "lr@4"]);
  const slots = lowered.plan.state.filter(({ role }) => role === "slot").map(({ path }) => path);
  expect(slots).toEqual(
    paths.filter((path) => settings[path].momentum > 0).map((path) => `${path}/momentum_buffer`),
  );
});

it("adamw: no decay of norms and biases, another rate for the head", () => {
  const lowered = lowerWith(`
    optimizer: adamw(lr: 0.01, weight_decay: 0.4, eps: 1e-3)
    group norms_and_biases { weight_decay: 0 }
    group model.head.** { lr: 0.1 * lr }
    stage main for 1 epochs { }`);
  const [t, b1, b2, eps] = [3, 0.9, 0.999, 1e-3];
  const squares = Object.fromEntries(
    paths.map((path) => [`${path}/exp_avg_sq`, Array.from({ length: 15 }, (_, i) => 0.1 + i)]),
  );
  const sized = Object.fromEntries(
    lowered.plan.state
      .filter(({ path }) => path in squares)
      .map(({ path, shape }) => [path, numbers(squares, path).slice(0, countOf(shape))]),
  );
  const given = { "schedule:lr": [0.01], "schedule:lr@2": [0.001], "count:0": [t] };
  const { fed, results } = step(lowered, { ...sized, ...given });
  for (const path of paths) {
    const lr = path.startsWith("model.head") ? 0.001 : 0.01;
    const decay = path === "model.stem.weight" || path === "model.head.weight" ? 0.4 : 0;
    const gradient = numbers(results, `gradient:${path}`);
    for (const [i, p] of numbers(fed, path).entries()) {
      const g = at(gradient, i);
      const m = b1 * at(numbers(fed, `${path}/exp_avg`), i) + (1 - b1) * g;
      const v = b2 * at(numbers(fed, `${path}/exp_avg_sq`), i) + (1 - b2) * g ** 2;
      const move = m / (1 - b1 ** t) / (Math.sqrt(v / (1 - b2 ** t)) + eps);
      const expected = p * (1 - lr * decay) - lr * move;
      expect(at(numbers(results, `next:${path}`), i)).toBeCloseTo(expected, 9);
    }
  }
});

it("a group's rate follows the train's schedule from its own base", () => {
  const { plan } = lowerWith(`
    optimizer: sgd(lr: 0.8)
    group model.head.** { lr: 0.1 * lr }
    group model.stem.weight { lr: 0.1 * lr  momentum: 0.9 }
    group model.norm.** { lr: 0.8 }
    schedule: warmup(4 steps) then cosine(to: 0.02)
    stage heads for 4 steps { freeze model.head.**, model.stem.weight }
    stage full for 8 steps { }`);
  // Equal bases share a schedule.
  expect(plan.schedules.map(({ name }) => name)).toEqual(["lr", "lr@1"]);
  expect(plan.stages.map(({ schedules }) => schedules)).toEqual([["lr"], ["lr", "lr@1"]]);
  const schedules = createSchedules(plan, createTimeline(plan, 8));
  for (const update of [2, 4])
    expect(schedules.valueAt("lr@1", update)).toBeCloseTo(
      0.1 * schedules.valueAt("lr", update),
      12,
    );
  // The target of a cosine stays as written, whatever the base.
  const u = 4 / 8;
  for (const [name, base] of [
    ["lr", 0.8],
    ["lr@1", 0.08],
  ] as const) {
    const start = schedules.valueAt(name, 4);
    expect(start).toBeCloseTo(base, 12);
    expect(schedules.valueAt(name, 9)).toBeCloseTo(
      0.02 + (start - 0.02) * 0.5 * (1 + Math.cos(Math.PI * u)),
      12,
    );
  }
});

it("without groups there is one schedule", () => {
  const { plan } = lowerWith("optimizer: sgd(lr: 0.8)\n  stage main for 1 epochs { }");
  expect(plan.schedules.map(({ name, base }) => ({ name, base }))).toEqual([
    { name: "lr", base: 0.8 },
  ]);
});
