/** Every form that an interruption could disturb, in one program that is killed at every update. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { RunResult } from "../../runtime/run-result.js";
import { compileInto, runCompiled } from "./compiled.js";
import { Crash, eventsOf, outcomeOf, temporaryFolder } from "./harness.js";

const folder = temporaryFolder();
afterAll(folder.remove);

/** An epoch has 6 batches: three updates of the first stage, two of the second. */
const program = `
import { BatchNorm2d, Conv2d, Dropout, Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { accuracy } from "saic:metrics"
import { adamw } from "saic:optimizers"
import { cosine, warmup } from "saic:schedules"

dataset Shapes {
  source: synthetic(shapes, count: 80, size: 8, classes: [ring, cross], noise: 0.05, seed: 4)
  field image: image() -> u8[3, 8, 8]
  field kind:  label() -> i64[]
  split random { train: 60%  val: 20%  test: 20%  seed: 1 }
  transform train { image = image |> hflip(p: 0.5) |> random_shift(pad: 1) |> jitter(brightness: 0.1, contrast: 0.2) }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: 8  shuffle: true  workers: 0  last: drop }
}

block Net(classes: dim) {
  in  image: f32[B, C, H, W]
  out logits: f32[B, classes]
  logits = image
    |> Conv2d(4, kernel: 3, bias: false) as conv |> BatchNorm2d() as norm |> relu
    |> flatten() |> Dropout(0.2) |> Linear(classes) as head
}

train all {
  model: Net(classes: Shapes.classes)
  data:  Shapes
  seed:  1
  loss { total = cross_entropy(logits, kind) }
  optimizer: adamw(lr: 1e-2)
  schedule:  warmup(3 steps) then cosine(to: 1e-4)
  metrics { accuracy = accuracy(logits, kind) }
  accumulate: 2
  clip_grad:  norm(0.5)
  ema:        decay(0.9)
  weights:    ema
  checkpoint: [best(val.accuracy, keep: 2), last(every: 2 steps)]
  freeze model.conv.**, model.norm.**
  stage head for 5 steps { }
  stage full for 40 steps {
    unfreeze model.**
    restart schedule
    start: best(val.loss)
    accumulate: 3
    early_stop: patience(2 epochs, on: val.loss, min_delta: 0.02)
  }
}
`;

test("two stages with every policy, killed twice at every update: the same bits", async () => {
  const artifact = join(folder.path, "artifact");
  compileInto(artifact, program);
  const whole = await runCompiled({ artifact, runsDir: join(folder.path, "whole") });
  expect(whole.stopped).toMatchObject({ rule: "early_stop", stage: "full" });
  expect(whole.updates).toBeGreaterThan(7);
  expect(whole.updates).toBeLessThan(25);
  const rates = eventsOf(whole.run_dir).flatMap(({ type, schedules }) =>
    type === "step" ? Object.entries(schedules as object).map(([name]) => name) : [],
  );
  expect(new Set(rates)).toEqual(new Set(["lr", "lr@full"]));

  const runsDir = join(folder.path, "killed");
  for (let update = 1; update <= whole.updates; update++) {
    await expect(runCompiled({ artifact, runsDir, crashAt: update })).rejects.toThrow(Crash);
    await expect(runCompiled({ artifact, runsDir, crashAfter: update })).rejects.toThrow(Crash);
  }
  const killed = await runCompiled({ artifact, runsDir });
  expect(outcomeOf(killed)).toEqual(outcomeOf(whole));
  const average = ({ run_dir }: RunResult): string =>
    readFileSync(join(run_dir, "checkpoints/last/ema.safetensors")).toString("base64");
  expect(average(killed)).toBe(average(whole));
});
