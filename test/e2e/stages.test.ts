/** A run through stages of losses, rules and schedules of their own, to its weights and events. */

import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { at } from "../../grammar/invariant.js";
import { readSafetensors } from "../../runtime/checkpoint/safetensors.js";
import { createWorkplace, eventsIn, type PrintedResult, tinyProgram } from "../cli/saic.js";

const program = tinyProgram({ steps: 6 })
  .replace(
    'import { adamw } from "saic:optimizers"',
    'import { adamw, sgd } from "saic:optimizers"',
  )
  .replace(
    "/// Learning rate.",
    'import { cosine, hold, ramp } from "saic:schedules"\n/// Learning rate.',
  )
  .replace(
    "loss { total = cross_entropy(logits, kind) }",
    `loss {
    weight v: f32[] = 0
    beta  = ramp(from: 0, to: 1, over: 4 steps) then hold()
    class = cross_entropy(logits, kind)
    total = exp(-v) * class + 0.5 * v + 0.01 * beta * average(square(logits))
  }
  loss calibrate {
    weight t: f32[] = 1
    total = cross_entropy(logits / t, kind)
  }
  group loss.** { weight_decay: 0 }
  schedule: cosine(to: 0)
  init { model.head.bias: 0.125 }`,
  )
  .replace(
    "stage main for 6 steps { }",
    `stage main for 6 steps { freeze model.head.bias }
  stage calibrate for 3 steps {
    loss: calibrate
    freeze model.**
    optimizer: sgd(lr: 0.5, momentum: 0.9)
    schedule: hold()
  }
  stage again for 2 steps { restart schedule }`,
  );

const place = createWorkplace({ "stages.pipe": program });
afterAll(place.remove);

const readWeights = (file: string): Readonly<Record<string, readonly number[]>> =>
  Object.fromEntries(
    [...readSafetensors(file).tensors].map(([key, { data }]) => [key, [...data].map(Number)]),
  );

test("each stage trains what it names, by its own rule and schedule", async () => {
  const ended = await place.saic("run", "stages.pipe", "--threads=1", "--format=json");
  expect(ended.code, ended.stderr).not.toBe(1);
  expect(ended.stderr).not.toContain("error[");
  const { run_dir, updates } = JSON.parse(ended.stdout) as PrintedResult;
  expect(updates).toBe(11);
  const folder = join(place.path, run_dir);
  const steps = eventsIn(folder).filter(({ type }) => type === "step");
  const of = (i: number, key: "schedules" | "losses") =>
    at(steps, i)[key] as Readonly<Record<string, number>>;
  expect(Object.keys(of(0, "schedules"))).toEqual(["lr", "loss.beta"]);
  expect([0, 1, 3, 5].map((i) => of(i, "schedules")["loss.beta"])).toEqual([0, 1 / 3, 1, 1]);
  expect(Object.keys(of(0, "losses"))).toEqual(["class", "total", "loss"]);
  // Before the first update v = 0 and beta = 0: the total is the error alone.
  expect(of(0, "losses")["total"]).toBeCloseTo(of(0, "losses")["class"] ?? NaN, 6);
  expect(of(7, "schedules")).toEqual({ "lr@calibrate": 0.5 });
  expect(Object.keys(of(7, "losses"))).toEqual(["total", "loss"]);
  expect(of(9, "schedules")["lr@again"]).toBeCloseTo(1e-2, 9);

  const weights = readWeights(join(folder, "checkpoints/last/model.safetensors"));
  const { "loss.v": v, "loss.calibrate.t": t, "head.bias": bias } = weights;
  expect(v).toHaveLength(1);
  expect(v?.[0]).not.toBe(0);
  expect(t?.[0]).not.toBe(1);
  // Frozen through the first two stages, it has moved in the third only: at most 2 steps of 0.01.
  for (const value of bias ?? []) expect(Math.abs(value - 0.125)).toBeLessThan(0.021);
  expect(new Set(bias)).not.toEqual(new Set([0.125]));
  const slots = Object.keys(readWeights(join(folder, "checkpoints/last/optimizer.safetensors")));
  expect(slots).toContain("loss.calibrate.t/momentum_buffer");
  expect(slots).toContain("loss.v/exp_avg");
});
