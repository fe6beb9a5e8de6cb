/** Batches that come in parts, for want of memory: the same updates, epochs, draws and run. */

import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Plan } from "../../compiler/plan/schema.js";
import { at } from "../../grammar/invariant.js";
import { readSafetensors } from "../../runtime/checkpoint/safetensors.js";
import type { RunResult } from "../../runtime/run-result.js";
import { compileInto, runCompiled } from "./compiled.js";
import { Crash, eventsOf, temporaryFolder } from "./harness.js";

const folder = temporaryFolder();
afterAll(folder.remove);

/** 51 records to learn from, so that the last batch of an epoch has 3 of 8. */
const program = (last: "drop" | "pad", accumulate: number): string => `
import { Dropout, GroupNorm, Conv2d, Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { accuracy } from "saic:metrics"
import { adamw } from "saic:optimizers"
import { cosine } from "saic:schedules"

dataset Shapes {
  source: synthetic(shapes, count: 68, size: 8, classes: [ring, cross], noise: 0.05, seed: 4)
  field image: image() -> u8[3, 8, 8]
  field kind:  label() -> i64[]
  split random { train: 75%  val: 25%  seed: 1 }
  transform train { image = image |> hflip(p: 0.5) |> random_shift(pad: 1) }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: 8  shuffle: true  workers: 0  last: ${last} }
}

block Net(classes: dim) {
  in  image: f32[B, C, H, W]
  out logits: f32[B, classes]
  logits = image
    |> Conv2d(4, kernel: 3, bias: false) as conv |> GroupNorm(groups: 2) as norm |> relu
    |> flatten() |> Dropout(0.2) |> Linear(classes) as head
}

train all {
  model: Net(classes: Shapes.classes)
  data:  Shapes
  seed:  1
  loss { total = cross_entropy(logits, kind) }
  optimizer: adamw(lr: 1e-2)
  schedule:  cosine(to: 1e-4)
  metrics val { accuracy = accuracy(logits, kind) }
  accumulate: ${accumulate}
  clip_grad:  norm(0.5)
  ema:        decay(0.9)
  on_oom:     halve_microbatch(min: 2)
  checkpoint: [last(every: 3 steps)]
  stage head for 2 epochs { freeze model.conv.** }
  stage full for 5 steps { }
}
`;

interface Trained {
  readonly plan: Plan;
  readonly result: RunResult;
}

async function train(text: string, name: string, parts: number): Promise<Trained> {
  const artifact = join(folder.path, `${name}-${parts}`);
  const plan = compileInto(artifact, text, parts);
  const result = await runCompiled({
    artifact,
    runsDir: join(folder.path, `runs-${name}-${parts}`),
  });
  return { plan, result };
}

const weightsOf = ({ run_dir }: RunResult) =>
  readSafetensors(join(run_dir, "checkpoints/last/ema.safetensors")).tensors;

function expectSame(whole: RunResult, cut: RunResult): void {
  expect(cut.updates).toBe(whole.updates);
  expect(cut.epochs).toBeCloseTo(whole.epochs, 9);
  for (const [name, value] of Object.entries(whole.metrics))
    expect(cut.metrics[name], name).toBeCloseTo(value ?? NaN, 4);
  const theirs = weightsOf(cut);
  for (const [key, { data }] of weightsOf(whole)) {
    const [ours, other] = [
      Array.from(data, Number),
      Array.from(theirs.get(key)?.data ?? [], Number),
    ];
    const largest = Math.max(...ours.map(Math.abs));
    expect(other).toHaveLength(ours.length);
    for (const [i, value] of ours.entries())
      expect(Math.abs(value - at(other, i)), key).toBeLessThanOrEqual(1e-4 * largest);
  }
  const losses = ({ run_dir }: RunResult): readonly number[] =>
    eventsOf(run_dir).flatMap(({ type, losses }) =>
      type === "step" ? [(losses as Record<string, number>)["total"] ?? NaN] : [],
    );
  for (const [i, loss] of losses(whole).entries())
    expect(losses(cut)[i] ?? NaN).toBeCloseTo(loss, 4);
}

describe.each([
  ["drop", 1],
  ["pad", 1],
  ["pad", 2],
] as const)("last: %s, accumulate: %i", (last, accumulate) => {
  test("halves and quarters make the updates of whole batches", async () => {
    const text = program(last, accumulate);
    const whole = await train(text, `${last}${accumulate}`, 1);
    expect(whole.plan.onOutOfMemory).toEqual({ smallest: 2 });
    for (const parts of [2, 4]) {
      const cut = await train(text, `${last}${accumulate}`, parts);
      expect(cut.plan).toMatchObject({ batch: 8 / parts, hash: whole.plan.hash });
      expect(cut.plan.data.loader).toMatchObject({ batch: 8 / parts, parts });
      expect(cut.plan.stages.map((stage) => stage.accumulate?.batches)).toEqual([
        accumulate * parts,
        accumulate * parts,
      ]);
      expectSame(whole.result, cut.result);
      const said = eventsOf(cut.result.run_dir).filter(({ type }) => type === "warning");
      expect(said).toMatchObject([
        {
          code: "run/batches-in-parts",
          message: `memory did not suffice: each batch of 8 comes as ${parts} micro-batches of ${8 / parts}`,
        },
      ]);
    }
  });
});

test("a run of whole batches goes on in parts from its last checkpoint", async () => {
  const text = program("pad", 1);
  const whole = join(folder.path, "begun");
  compileInto(whole, text);
  const runsDir = join(folder.path, "runs-begun");
  await expect(runCompiled({ artifact: whole, runsDir, crashAfter: 8 })).rejects.toThrow(Crash);
  const halves = join(folder.path, "begun-2");
  compileInto(halves, text, 2);
  const result = await runCompiled({ artifact: halves, runsDir });
  expectSame((await train(text, "unbroken", 1)).result, result);
  const steps = eventsOf(result.run_dir).flatMap(({ type, update }) =>
    type === "step" ? [update] : [],
  );
  expect(steps).toEqual(Array.from({ length: result.updates }, (_, i) => i + 1));
});
