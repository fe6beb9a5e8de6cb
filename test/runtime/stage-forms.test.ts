/** What stages have of their own: metrics, the split that they learn from. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { at } from "../../grammar/invariant.js";
import { openArtifact } from "../../runtime/artifact.js";
import type { Batch } from "../../runtime/data/dataset.js";
import { readSafetensors } from "../../runtime/checkpoint/safetensors.js";
import { openDataset } from "../../runtime/data/open-dataset.js";
import { compileInto, runCompiled } from "./compiled.js";
import { Crash, eventsOf, outcomeOf, temporaryFolder } from "./harness.js";

const folder = temporaryFolder();
afterAll(folder.remove);

const program = (keys: string, stages: string): string => `
import { Dropout, Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { accuracy, balanced_accuracy, confusion_matrix } from "saic:metrics"
import { adamw, sgd } from "saic:optimizers"
import { cosine, warmup } from "saic:schedules"

dataset Shapes {
  source: synthetic(shapes, count: 80, size: 8, classes: [ring, cross], noise: 0.05, seed: 4)
  field image: image() -> u8[3, 8, 8]
  field kind:  label() -> i64[]
  split random { train: 60%  val: 25%  test: 15%  seed: 1 }
  transform train { image = image |> hflip(p: 0.5) }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: 8  shuffle: true  workers: 0  last: drop }
}

block Net(classes: dim) {
  in  image: f32[B, C, H, W]
  out logits: f32[B, classes]
  logits = image |> flatten() |> Linear(8) as hidden |> relu |> Dropout(0.2) |> Linear(classes) as head
}

train forms {
  model: Net(classes: Shapes.classes)
  data:  Shapes
  seed:  1
  loss { total = cross_entropy(logits, kind) }
  optimizer: adamw(lr: 1e-2)
  ${keys}
  ${stages}
}
`;

let programs = 0;

function compiled(
  keys: string,
  stages: string,
): { readonly artifact: string; readonly runsDir: string } {
  const artifact = join(folder.path, `artifact-${++programs}`);
  compileInto(artifact, program(keys, stages));
  return { artifact, runsDir: join(folder.path, `runs-${programs}`) };
}

/** Names and values that validation has after each update. */
const validations = (dir: string): readonly (readonly [number, Record<string, number>])[] =>
  eventsOf(dir).flatMap(({ type, split, update, metrics }) =>
    type === "validation" && split === "val"
      ? [[Number(update), metrics as Record<string, number>] as const]
      : [],
  );

test("a stage measures the train's metrics and its own, which choose", async () => {
  const { artifact, runsDir } = compiled(
    `metrics { accuracy = accuracy(logits, kind) }
  checkpoint: [best(val.fair), last(every: 1 steps)]
  validate: every(2 steps)
  objective test.fair >= 0`,
    `stage first for 4 steps { }
  stage second for 4 steps {
    metrics { fair = balanced_accuracy(logits, kind) }
    metrics val { confusion = confusion_matrix(logits, kind) }
  }
  stage third for 2 steps { start: best(val.fair)  optimizer: sgd(lr: 1e-30) }`,
  );
  const result = await runCompiled({ artifact, runsDir });
  const measured = validations(result.run_dir);
  const names = measured.map(([update, metrics]) => [update, Object.keys(metrics).join()]);
  const [plain, own] = [
    "val.total,val.loss,val.accuracy",
    "val.total,val.loss,val.accuracy,val.fair",
  ];
  expect(names).toEqual([
    [0, plain],
    [2, plain],
    [4, plain],
    [6, own],
    [8, own],
    [10, plain],
  ]);
  // The split has ten records of each kind or so: both shares of hits are what the matrix says.
  const tables = eventsOf(result.run_dir).flatMap(({ update, tables: each }) =>
    update === 8 && each !== undefined ? [each as Record<string, number[][]>] : [],
  );
  const [[a = NaN, b = NaN] = [], [c = NaN, d = NaN] = []] = tables[0]?.["val.confusion"] ?? [];
  expect(a + b + c + d).toBe(20);
  const [, last] = at(measured, 4);
  expect(last["val.accuracy"]).toBeCloseTo((a + d) / 20, 6);
  expect(last["val.fair"]).toBeCloseTo((a / (a + b) + d / (c + d)) / 2, 6);
  // The best is of the second stage, and so is what is tested.
  expect(result.metrics["test.fair"]).toBeGreaterThanOrEqual(0);
  expect(result.objectives).toMatchObject([{ name: "test.fair", met: true }]);
  const best = Math.max(...measured.slice(3, 5).map(([, metrics]) => metrics["val.fair"] ?? NaN));
  expect(result.metrics["val.fair"]).toBe(best);
});

test("a stage that learns from `val`, through kills: its own order and epochs", async () => {
  // 48 records of `train` are six batches, 20 of `val` two and a half.
  const { artifact, runsDir } = compiled(
    "schedule: warmup(1 epochs) then cosine(to: 1e-4)\n  checkpoint: last(every: 2 steps)",
    `stage first for 4 steps { }
  stage held for 2 epochs { data: Shapes.val  accumulate: 1  freeze model.hidden.** }
  stage again for 1 epochs { early_stop: patience(2 epochs, on: val.loss) }`,
  );
  const whole = await runCompiled({ artifact, runsDir });
  expect(whole.updates).toBe(4 + 4 + 6);
  expect(whole.epochs).toBeCloseTo(4 / 6 + 2 + 1, 12);
  const steps = eventsOf(whole.run_dir).filter(({ type }) => type === "step");
  expect(steps.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 1, 1, 1, 2, 2, 1, 1, 2, 2, 2, 2]);
  const killed = join(folder.path, "killed");
  for (let update = 1; update <= whole.updates; update++)
    await expect(runCompiled({ artifact, runsDir: killed, crashAfter: update })).rejects.toThrow(
      Crash,
    );
  expect(outcomeOf(await runCompiled({ artifact, runsDir: killed }))).toEqual(outcomeOf(whole));
});

test("training on `val` reads its records as they are evaluated, in an order of its own", async () => {
  const { artifact } = compiled("", "stage main for 1 epochs { }");
  const { plan } = openArtifact(artifact);
  const dataset = await openDataset(plan.data, { seed: plan.seed, threads: 1 });
  const records = async (batches: AsyncIterable<Batch>): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { fields, count } of batches) {
      const data = Array.from(fields.get("image")?.data ?? [], Number);
      const size = data.length / 8;
      for (let i = 0; i < count; i++) found.push(data.slice(i * size, (i + 1) * size).join());
    }
    return found;
  };
  const evaluated = await records(dataset.evaluationBatches("val"));
  expect(new Set(evaluated).size).toBe(20);
  const epochs = [0, 1].map(async (epoch) => records(dataset.trainBatches(epoch, 0, "val")));
  const [first = [], second = []] = await Promise.all(epochs);
  expect(dataset.batchesPer("val", "training")).toBe(2);
  expect(new Set(first).size).toBe(16);
  expect(first.every((record) => evaluated.includes(record))).toBe(true);
  expect(second).toHaveLength(16);
  expect(second).not.toEqual(first);
  expect(await records(dataset.trainBatches(0, 1, "val"))).toEqual(first.slice(8));
  await dataset.close();
});

test("an update whose gradients are too large leaves all as it was and is counted", async () => {
  const stages = `stage first for 7 steps { freeze model.hidden.bias }
  stage second for 5 steps { clip_grad: norm(1e-9, skip_above: 1e-3) }`;
  const free = await runCompiled(
    compiled("clip_grad: norm(0.5)", stages.split("\n").slice(0, 1).join()),
  );
  const norms = eventsOf(free.run_dir).flatMap(({ type, grad_norm: norm }) =>
    type === "step" ? [Number(norm)] : [],
  );
  // The second and third largest, say, of those norms: some updates are skipped, some made.
  const above = norms.toSorted((a, b) => a - b).at(-3) ?? NaN;
  const clip = `clip_grad: norm(${above / 100}, skip_above: ${above})\n  checkpoint: last(every: 1 steps)`;
  const { artifact, runsDir } = compiled(clip, stages);
  const whole = await runCompiled({ artifact, runsDir });
  const steps = eventsOf(whole.run_dir).filter(({ type }) => type === "step");
  const first = steps.slice(0, 7);
  expect(
    first.map(({ grad_norm: norm, skipped }) => [
      Number(norm) > Math.fround(above),
      skipped ?? false,
    ]),
  ).toEqual(first.map(({ skipped }) => [skipped ?? false, skipped ?? false]));
  const skipped = steps.filter((step) => step["skipped"] === true).length;
  expect(skipped).toBeGreaterThan(5);
  expect(first.some((step) => step["skipped"] !== true)).toBe(true);
  expect(whole).toMatchObject({ skipped_updates: skipped });
  const warnings = eventsOf(whole.run_dir).filter(({ code }) => code === "run/updates-skipped");
  expect(warnings.map(({ message }) => String(message).slice(0, 33))).toEqual([
    `${skipped - 5} updates of stage \`first\` were s`,
    "5 updates of stage `second` were ",
  ]);

  // Kills at every update give the same bits; where gradients are a graph of their own, ONNX Runtime
  // rounds the factor of the clip elsewhere, and the norms agree as closely as f32 allows.
  const normsOf = (runDir: string): readonly (readonly [boolean, number])[] =>
    eventsOf(runDir).flatMap(({ type, grad_norm: norm, skipped: left }) =>
      type === "step" ? [[left === true, Number(norm)] as const] : [],
    );
  for (const options of [
    { graphs: "split", executor: "session" },
    { graphs: "fused", executor: "bound" },
    { graphs: "kernels", executor: "bound" },
  ] as const) {
    const other = join(folder.path, `skip-${options.graphs}`);
    for (let update = 1; options.graphs === "fused" && update < whole.updates; update++)
      await expect(
        runCompiled({ artifact, runsDir: other, crashAfter: update, options }),
      ).rejects.toThrow(Crash);
    const same = await runCompiled({ artifact, runsDir: other, options });
    const { result: _one, ...wanted } = outcomeOf(whole) as Record<string, unknown>;
    if (options.graphs === "fused") expect(outcomeOf(same)).toMatchObject(wanted);
    const found = normsOf(same.run_dir);
    expect(found).toHaveLength(steps.length);
    for (const [i, [left, norm]] of normsOf(whole.run_dir).entries()) {
      expect(found[i]?.[0]).toBe(left);
      expect(Math.abs((found[i]?.[1] ?? NaN) - norm)).toBeLessThan(2e-6 * norm);
    }
  }
});

test("skipped updates count for no optimizer: as if their batches had not been", async () => {
  // Of two batches in turn, one is far too large for the limit that lies between.
  const text = program(
    "clip_grad: norm(1e3, skip_above: 1e4)\n  checkpoint: last(every: 1 steps)",
    "stage main for 4 steps { }",
  );
  const scaled = text
    .replace("cross_entropy(logits, kind)", "big * cross_entropy(logits, kind)")
    .replace("loss {", "loss { big = ramp(from: 1, to: 1e9, over: 4 steps) then hold() ")
    .replace("import { cosine, warmup }", "import { hold, ramp }")
    .replace("|> Dropout(0.2) ", "");
  const artifact = join(folder.path, "scaled");
  compileInto(artifact, scaled);
  const runsDir = join(folder.path, "scaled-runs");
  const weights: string[] = [];
  let dir = "";
  for (const stopAfter of [1, 2, 3, 4]) {
    ({ run_dir: dir } = await runCompiled({ artifact, runsDir, stopAfter }));
    const last = join(dir, "checkpoints/last");
    weights.push(
      ["model", "optimizer"]
        .map((name) => readFileSync(join(last, `${name}.safetensors`)).toString("base64"))
        .join(),
    );
  }
  const skipped = eventsOf(dir).flatMap(({ type, skipped: each }) =>
    type === "step" ? [each ?? false] : [],
  );
  expect(skipped).toEqual([false, true, true, true]);
  expect(new Set(weights).size).toBe(1);
});

test("a state of a loss moves once per update, in the stages that minimize that loss", async () => {
  const remembering = `loss remembering {
    state seen: f32[] = 2 as running
    let size = average(square(logits))
    class = cross_entropy(logits, kind)
    seen <- 0.5 * seen + 0.5
    total = class + 0.1 * seen * size
  }`;
  const text = program(
    "checkpoint: last(every: 1 steps)",
    `stage first for 3 steps { loss: remembering }
  stage second for 2 steps { loss: plain }
  stage third for 2 steps { loss: remembering  accumulate: 2 }`,
  ).replace(
    "loss { total = cross_entropy(logits, kind) }",
    `${remembering}\n  loss plain { total = cross_entropy(logits, kind) }`,
  );
  const artifact = join(folder.path, "remembering");
  const plan = compileInto(artifact, text);
  expect(plan.state.find(({ path }) => path === "loss.remembering.running")).toMatchObject({
    role: "buffer",
  });
  const runsDir = join(folder.path, "remembering-runs");
  const seen: number[] = [];
  for (let stopAfter = 1; stopAfter <= 7; stopAfter++) {
    const { run_dir: dir } = await runCompiled({ artifact, runsDir, stopAfter });
    const { tensors } = readSafetensors(join(dir, "checkpoints/last/model.safetensors"));
    seen.push(Number(tensors.get("loss.remembering.running")?.data[0]));
  }
  // 1 + 1 / 2^n after n of its updates.
  expect(seen).toEqual([1.5, 1.25, 1.125, 1.125, 1.125, 1.0625, 1.03125]);
  // The update reads what the state was before it: 2 at the first, and the weights feel it.
  const whole = await runCompiled({ artifact, runsDir: join(folder.path, "remembering-whole") });
  const steps = eventsOf(whole.run_dir).filter(({ type }) => type === "step");
  expect(steps.map(({ losses }) => Object.keys(losses as object).length)).toEqual([
    3, 3, 3, 2, 2, 3, 3,
  ]);
  const other = text.replace("seen: f32[] = 2", "seen: f32[] = 1");
  compileInto(join(folder.path, "constant"), other);
  const constant = await runCompiled({
    artifact: join(folder.path, "constant"),
    runsDir: join(folder.path, "constant-runs"),
  });
  const totals = (dir: string) =>
    eventsOf(dir).flatMap(({ type, losses }) =>
      type === "step" ? [(losses as Record<string, number>)["total"] ?? NaN] : [],
    );
  expect(totals(whole.run_dir)[0]).toBeGreaterThan(totals(constant.run_dir)[0] ?? NaN);
});
