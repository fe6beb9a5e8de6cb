/** The real command with accumulation, clipping, averages, early stopping and schedules, killed and run on. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { createWorkplace, eventsIn, type PrintedResult } from "../cli/saic.js";
import { progressOf } from "./run-progress.js";

const program = `
import { BatchNorm2d, Conv2d, Dropout, Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { accuracy } from "saic:metrics"
import { adamw } from "saic:optimizers"
import { cosine, warmup } from "saic:schedules"

dataset Shapes {
  source: synthetic(shapes, count: 160, size: 12, classes: [ring, cross], noise: 0.05, seed: 4)
  field image: image() -> u8[3, 12, 12]
  field kind:  label() -> i64[]
  split random { train: 60%  val: 20%  test: 20%  seed: 1 }
  transform train { image = image |> hflip(p: 0.5) }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: 4  shuffle: true  workers: 1  last: drop }
}

block Net(classes: dim) {
  in  image: f32[B, 3, H, W]
  out logits: f32[B, classes]
  logits = image
    |> Conv2d(8, kernel: 3, pad: 1, bias: false) as conv |> BatchNorm2d() as norm |> relu
    |> flatten() |> Dropout(0.2) |> Linear(classes) as head
}

train tiny {
  model: Net(classes: Shapes.classes)
  data:  Shapes
  seed:  1
  loss { total = cross_entropy(logits, kind, weights: [1, 2]) }
  optimizer:  adamw(lr: 3e-3)
  schedule:   warmup(4 steps) then cosine(to: 1e-5)
  accumulate: 5
  clip_grad:  norm(1.0)
  ema:        decay(0.8)
  weights:    ema
  metrics { accuracy = accuracy(logits, kind) }
  validate:   every(1 epochs)
  checkpoint: [best(val.accuracy, keep: 2), last(every: 3 steps), every(4 epochs, keep: 2)]
  early_stop: patience(3 epochs, on: val.loss, min_delta: 0.02)
  stage head for 2 epochs { freeze model.conv.**, model.norm.** }
  stage all for 60 epochs { start: best(val.loss)  accumulate: 3 }
}

export tiny as "average.onnx" { weights: ema }
export tiny as "last.onnx" { weights: last }
`;

const place = createWorkplace({ "tiny.pipe": program });
afterAll(place.remove);

const args = (runs: string): readonly string[] => [
  "run",
  "tiny.pipe",
  "--threads",
  "1",
  "--runs-dir",
  runs,
  "--format",
  "json",
];

/** Starts the run and kills its training process at an update of its own. */
async function killAt(update: number, before: number): Promise<number> {
  const started = place.start(...args("killed"));
  const train = join(place.path, "killed", "tiny");
  for (;;) {
    const now = progressOf(train);
    if (now.update >= update && now.pid !== before && now.pid !== 0) {
      process.kill(now.pid, "SIGKILL");
      expect((await started.ended).code).toBe(5);
      return now.pid;
    }
    if (started.child.exitCode !== null) throw new Error(`ended early: ${started.stderr()}`);
    await sleep(1);
  }
}

test("killed at five moments, it stops early at the same update with the same bits", async () => {
  const whole = await place.saic(...args("whole"));
  expect(whole.code, whole.stderr).toBe(0);
  const expected = JSON.parse(whole.stdout) as PrintedResult;
  expect(expected.stopped).toMatchObject({ rule: "early_stop", stage: "all" });
  let pid = 0;
  for (const update of [2, 8, 11, 17, 23]) pid = await killAt(update, pid);
  const ended = await place.saic(...args("killed"));
  expect(ended.code, ended.stderr).toBe(0);
  const found = JSON.parse(ended.stdout) as PrintedResult;
  expect(found.metrics).toEqual(expected.metrics);
  expect(found.stopped).toEqual(expected.stopped);
  expect(found.weights).toMatch(/ema\.safetensors$/u);
  const folderOf = ({ run_dir: dir }: PrintedResult): string => join(place.path, dir);
  const bytes = (result: PrintedResult, file: string): string =>
    readFileSync(join(folderOf(result), file)).toString("base64");
  for (const file of ["model", "optimizer", "ema"].map(
    (name) => `checkpoints/last/${name}.safetensors`,
  ))
    expect(bytes(found, file), file).toBe(bytes(expected, file));
  for (const file of ["checkpoints/best-1/ema.safetensors", "average.onnx", "last.onnx"])
    expect(bytes(found, file), file).toBe(bytes(expected, file));
  const checkpoints = (result: PrintedResult) =>
    readdirSync(join(folderOf(result), "checkpoints")).sort();
  expect(checkpoints(found)).toEqual(checkpoints(expected));
  const steps = (result: PrintedResult) =>
    eventsIn(folderOf(result)).flatMap(({ type, update, losses, schedules, grad_norm: norm }) =>
      type === "step" ? [{ update, losses, schedules, norm }] : [],
    );
  expect(steps(found)).toEqual(steps(expected));
}, 120_000);
