/** Several micro-batches make one update: as one batch of their size would, cut anywhere by kills. */

import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readSafetensors } from "../../runtime/checkpoint/safetensors.js";
import type { RunResult } from "../../runtime/run-result.js";
import { compileInto, runCompiled } from "./compiled.js";
import { Crash, eventsOf, outcomeOf, temporaryFolder } from "./harness.js";

const folder = temporaryFolder();
afterAll(folder.remove);

interface Parts {
  readonly batch: number;
  readonly accumulate?: number;
  readonly loss: string;
  readonly model?: string;
  readonly keys?: string;
  readonly stages?: string;
}

const plainModel =
  "image |> flatten() |> Linear(8) as hidden |> relu |> Dropout(0.25) |> Linear(classes) as head";

const program = ({ batch, accumulate = 1, loss, model = plainModel, keys = "", stages }: Parts) => `
import { BatchNorm2d, Conv2d, Dropout, Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { accuracy } from "saic:metrics"
import { adamw, sgd } from "saic:optimizers"

dataset Shapes {
  source: synthetic(shapes, count: 160, size: 8, classes: [ring, cross], noise: 0.05, seed: 4)
  field image: image() -> u8[3, 8, 8]
  field kind:  label() -> i64[]
  split random { train: 60%  val: 20%  test: 20%  seed: 1 }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: ${batch}  shuffle: true  workers: 0  last: drop }
}

block Net(classes: dim) {
  in  image: f32[B, C, H, W]
  out logits: f32[B, classes]
  logits = ${model}
}

train tiny {
  model: Net(classes: Shapes.classes)
  data:  Shapes
  seed:  1
  ${loss}
  optimizer: adamw(lr: 1e-2)
  ${accumulate === 1 ? "" : `accumulate: ${accumulate}`}
  metrics { accuracy = accuracy(logits, kind) }
  ${keys}
  ${stages ?? "stage main for 2 epochs { }"}
}
`;

let programs = 0;

function compiled(parts: Parts): string {
  const artifact = join(folder.path, `artifact-${++programs}`);
  compileInto(artifact, program(parts));
  return artifact;
}

async function weightsAfter(parts: Parts, options = {}): Promise<ReadonlyMap<string, number[]>> {
  const artifact = compiled(parts);
  const runsDir = join(folder.path, `runs-${programs}`);
  return weightsOf(await runCompiled({ artifact, runsDir, options }));
}

const weightsOf = ({ run_dir }: RunResult): ReadonlyMap<string, number[]> =>
  new Map(
    [...readSafetensors(join(run_dir, "checkpoints/last/model.safetensors")).tensors].map(
      ([key, { data }]) => [key, Array.from(data, Number)],
    ),
  );

function expectClose(
  found: ReadonlyMap<string, number[]>,
  wanted: ReadonlyMap<string, number[]>,
): void {
  expect([...found.keys()]).toEqual([...wanted.keys()]);
  for (const [key, values] of wanted) {
    const scale = Math.max(...values.map(Math.abs));
    const other = found.get(key) ?? [];
    const difference = Math.max(...values.map((value, i) => Math.abs(value - (other[i] ?? NaN))));
    expect(difference / scale, key).toBeLessThan(1e-5);
  }
}

const losses = {
  "the mean over records": "loss { total = cross_entropy(logits, kind) }",
  "a weighted mean over some records, and terms without a batch": `loss {
    weight v: f32[] = 0.1
    const lean = 0.5
    let w = where(kind == 0, 0.25, 2.0)
    let size = sum(square(logits), axes: [1])
    small = ratio(size * w, w, at_least: 1)
    right = cross_entropy(logits, kind, weights: [1, 3])
    total = exp(-v) * average(size, mask: kind == 1) + small + right + lean * v
  }`,
};

test.each(Object.entries(losses))("4 batches of 8 as one of 32: %s", async (_name, loss) => {
  const whole = await weightsAfter({ batch: 32, loss });
  for (const graphs of ["fused", "split", "kernels"] as const)
    expectClose(await weightsAfter({ batch: 8, accumulate: 4, loss }, { graphs }), whole);
});

test("clipping counts once for the update", async () => {
  const loss = "loss { total = 50 * cross_entropy(logits, kind) }";
  // AdamW divides by a gradient's own size, which makes the rounding of the smallest ones count:
  // scaled by the norm of all, they end 1.5e-5 apart.
  const sgd = "stage main for 2 epochs { optimizer: sgd(lr: 0.05, momentum: 0.9) }";
  const adamw = "stage main for 2 epochs { }";
  for (const [form, stages] of [
    ["norm(0.5)", sgd],
    ["value(0.01)", sgd],
    ["value(0.01)", adamw],
  ] as const) {
    const keys = `clip_grad: ${form}`;
    const whole = await weightsAfter({ batch: 32, loss, keys, stages });
    expectClose(await weightsAfter({ batch: 8, accumulate: 4, loss, keys, stages }), whole);
    expect(whole).not.toEqual(await weightsAfter({ batch: 32, loss, stages }));
  }
});

test("a clipped gradient is the gradient times max / (norm + 1e-6)", async () => {
  const loss = "loss { total = 50 * cross_entropy(logits, kind) }";
  const stages = "stage main for 1 steps { optimizer: sgd(lr: 1) }";
  const run = async (keys: string) => {
    const artifact = compiled({ batch: 16, loss, stages, keys });
    return runCompiled({ artifact, runsDir: join(folder.path, `runs-${programs}`) });
  };
  const still = weightsOf(await run("group model.head.bias { lr: 1 }\n  group model.** { lr: 0 }"));
  const free = await run("clip_grad: norm(1e9)");
  const clipped = weightsOf(await run("clip_grad: norm(0.25)"));
  const [step] = eventsOf(free.run_dir).filter(({ type }) => type === "step");
  const norm = Number(step?.["grad_norm"]);
  const moved = weightsOf(free);
  let squares = 0;
  for (const [key, before] of still) {
    if (key === "head.bias") continue;
    before.forEach((value, i) => {
      const gradient = value - (moved.get(key)?.[i] ?? NaN);
      squares += gradient ** 2;
      const wanted = value - (gradient * 0.25) / (norm + 1e-6);
      expect(Math.abs((clipped.get(key)?.[i] ?? NaN) - wanted), key).toBeLessThan(1e-6);
    });
  }
  // All but one bias is in the sum.
  expect(Math.sqrt(squares)).toBeLessThanOrEqual(norm * (1 + 1e-5));
  expect(Math.sqrt(squares)).toBeGreaterThan(0.5 * norm);
});

const normed = {
  batch: 8,
  accumulate: 3,
  loss: losses["the mean over records"],
  model:
    "image |> Conv2d(4, kernel: 3, bias: false) as conv |> BatchNorm2d() as norm |> relu |> flatten() |> Dropout(0.2) |> Linear(classes) as head",
  keys: "clip_grad: norm(1.0)\n  checkpoint: [best(val.accuracy), last(every: 2 steps)]",
  stages: "stage first for 1 epochs { }\n  stage second for 7 steps { accumulate: 2 }",
};

test("fused and split, in both executors: the same bits", async () => {
  const artifact = compiled(normed);
  const outcomes: unknown[] = [];
  for (const graphs of ["fused", "split", "kernels"] as const)
    for (const executor of ["session", "bound"] as const) {
      const runsDir = join(folder.path, `same-${graphs}-${executor}`);
      const result = await runCompiled({ artifact, runsDir, options: { graphs, executor } });
      const { result: _result, ...rest } = outcomeOf(result) as Record<string, unknown>;
      outcomes.push(rest);
    }
  for (const outcome of outcomes.slice(1)) expect(outcome).toEqual(outcomes[0]);
});

test("killed after every update, within an epoch and within a stage", async () => {
  const artifact = compiled(normed);
  const whole = await runCompiled({ artifact, runsDir: join(folder.path, "whole") });
  expect(whole.updates).toBe(11);
  // 4 updates of 3 batches and 7 of 2; an epoch has 12.
  expect(whole.epochs).toBeCloseTo((4 * 3 + 7 * 2) / 12);
  const steps = eventsOf(whole.run_dir).filter(({ type }) => type === "step");
  expect(steps.every(({ grad_norm }) => typeof grad_norm === "number")).toBe(true);
  const runsDir = join(folder.path, "killed");
  for (let crashAfter = 1; crashAfter <= 11; crashAfter++)
    await expect(runCompiled({ artifact, runsDir, crashAfter })).rejects.toThrow(Crash);
  expect(outcomeOf(await runCompiled({ artifact, runsDir }))).toEqual(outcomeOf(whole));
});
