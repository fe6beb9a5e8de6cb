/** Averages of weights and early stopping, through kills: what is evaluated, kept and said. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { at } from "../../grammar/invariant.js";
import { readSafetensors } from "../../runtime/checkpoint/safetensors.js";
import { compileInto, runCompiled } from "./compiled.js";
import type { Fault } from "../../runtime/fault.js";
import { Crash, eventsOf, outcomeOf, temporaryFolder } from "./harness.js";

const folder = temporaryFolder();
afterAll(folder.remove);

const program = (keys: string, stages: string) => `
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

train tiny {
  model: Net(classes: Shapes.classes)
  data:  Shapes
  seed:  1
  loss { total = cross_entropy(logits, kind) }
  optimizer: adamw(lr: 1e-2)
  schedule:  warmup(3 steps) then cosine(to: 1e-4)
  metrics { accuracy = accuracy(logits, kind) }
  ${keys}
  ${stages}
}
`;

let programs = 0;

function compiled(keys: string, stages: string): string {
  const artifact = join(folder.path, `artifact-${++programs}`);
  compileInto(artifact, program(keys, stages));
  return artifact;
}

const numbers = (file: string): ReadonlyMap<string, readonly number[]> =>
  new Map(
    [...readSafetensors(file).tensors].map(([key, { data }]) => [key, Array.from(data, Number)]),
  );

test.each(["fused", "split"] as const)("an average follows what learns: %s", async (graphs) => {
  const keys = "ema: decay(0.75)\n  checkpoint: last(every: 1 steps)";
  const stages = `stage head for 2 steps { freeze model.conv.**, model.norm.** }
  stage all for 2 steps { freeze model.head.** }`;
  const artifact = compiled(keys, stages);
  const runsDir = join(folder.path, `average-${graphs}`);
  let average: Map<string, readonly number[]> | null = null;
  for (const update of [1, 2, 3, 4]) {
    const { run_dir: dir } = await runCompiled({
      artifact,
      runsDir,
      stopAfter: update,
      options: { graphs },
    });
    const last = join(dir, "checkpoints/last");
    const weights = numbers(join(last, "model.safetensors"));
    const kept = numbers(join(last, "ema.safetensors"));
    expect([...kept.keys()]).toEqual([...weights.keys()]);
    const before = average;
    average = new Map(kept);
    if (before === null) continue;
    for (const [key, values] of weights) {
      // A count of integers is what it is.
      const begun = !key.endsWith("tracked") && (key.startsWith("head.") || update > 2);
      const old = update === 3 && !key.startsWith("head.") ? null : (before.get(key) ?? []);
      if (!begun) expect(kept.get(key)).toEqual(values);
      else if (old !== null)
        kept.get(key)?.forEach((value, i) => {
          const wanted = 0.75 * (old[i] ?? NaN) + 0.25 * (values[i] ?? NaN);
          expect(Math.abs(value - wanted)).toBeLessThan(1e-6);
        });
    }
    if (update === 4) expect(kept.get("head.weight")).not.toEqual(weights.get("head.weight"));
  }
});

test("`weights: ema` is validated, tested and chosen", async () => {
  const keys = "ema: decay(0.5)\n  checkpoint: [best(val.accuracy), last(every: 4 steps)]";
  const stages = "stage main for 3 epochs { }";
  const trained = await runCompiled({
    artifact: compiled(keys, stages),
    runsDir: join(folder.path, "trained"),
  });
  const averaged = await runCompiled({
    artifact: compiled(`${keys}\n  weights: ema`, stages),
    runsDir: join(folder.path, "averaged"),
  });
  expect(trained.weights).toMatch(/model\.safetensors$/u);
  expect(averaged.weights).toMatch(/ema\.safetensors$/u);
  const losses = (dir: string, split: string) =>
    eventsOf(dir).flatMap(({ type, split: own, metrics }) =>
      type === "validation" && own === split
        ? [(metrics as Record<string, number>)["val.loss"]]
        : [],
    );
  // Before the first update both are the same weights.
  expect(at(losses(averaged.run_dir, "val"), 0)).toBe(at(losses(trained.run_dir, "val"), 0));
  expect(losses(averaged.run_dir, "val")).not.toEqual(losses(trained.run_dir, "val"));
  const last = (dir: string) => readFileSync(join(dir, "checkpoints/last/ema.safetensors"));
  const tensors = (dir: string) => numbers(join(dir, "checkpoints/last/ema.safetensors"));
  expect(tensors(averaged.run_dir)).toEqual(tensors(trained.run_dir));
  expect(last(averaged.run_dir).length).toBeGreaterThan(0);
});

test("patience that runs out ends the run, and the result says so", async () => {
  // Nothing gains a hundred at once: the first validation is the best.
  const keys = "early_stop: patience(2 epochs, on: val.loss, min_delta: 100)";
  const stages = "stage main for 9 epochs { }\n  stage never for 1 epochs { }";
  const artifact = compiled(keys, stages);
  const result = await runCompiled({ artifact, runsDir: join(folder.path, "early") });
  expect(result.status).toBe("finished");
  expect(result.updates).toBe(18);
  expect(result.stopped).toMatchObject({
    rule: "early_stop",
    stage: "main",
    update: 18,
    metric: "val.loss",
    since: 6,
  });
  const events = eventsOf(result.run_dir);
  expect(events.filter(({ type }) => type === "stopped")).toHaveLength(1);
  expect(result.metrics["test.accuracy"]).toBeDefined();
  const whole = compiled("early_stop: patience(9 epochs, on: train.loss)", stages);
  const ended = await runCompiled({ artifact: whole, runsDir: join(folder.path, "patient") });
  expect(ended.stopped).toBeNull();
  expect(ended.updates).toBe(60);
});

test("stages validate, keep and start by rules of their own, killed after every update", async () => {
  const keys = `ema:        decay(0.9)
  validate:   every(2 steps)
  checkpoint: [best(val.accuracy), last(every: 3 steps), every(2 steps, keep: 2)]`;
  const stages = `stage first for 7 steps { optimizer: adamw(lr: 0.3) }
  stage second for 5 steps {
    start: best(val.loss)
    validate: every(1 steps)
    checkpoint: [best(val.loss, keep: 2), every(1 epochs)]
  }
  stage third for 3 steps { validate: every(3 steps)  checkpoint: last(every: 1 steps) }`;
  const artifact = compiled(keys, stages);
  const whole = await runCompiled({ artifact, runsDir: join(folder.path, "own") });
  const events = eventsOf(whole.run_dir);
  const validated = events.filter(({ type, split }) => type === "validation" && split === "val");
  expect(validated.map(({ update }) => update)).toEqual([0, 2, 4, 6, 7, 8, 9, 10, 11, 12, 15]);
  const names = readdirSync(join(whole.run_dir, "checkpoints"));
  // The third stage ranks nothing: the best of the second are kept, and what stays of the first.
  expect(names.filter((name) => !name.startsWith("update-")).sort()).toEqual([
    "best-1",
    "best-2",
    "last",
  ]);
  expect(names.some((name) => name.startsWith("update-00000004"))).toBe(true);
  expect(names.some((name) => name.startsWith("update-00000006"))).toBe(true);
  const runsDir = join(folder.path, "own-killed");
  for (let crashAfter = 1; crashAfter <= whole.updates; crashAfter++)
    await expect(runCompiled({ artifact, runsDir, crashAfter })).rejects.toThrow(Crash);
  const killed = await runCompiled({ artifact, runsDir });
  expect(outcomeOf(killed)).toEqual(outcomeOf(whole));
  expect(readdirSync(join(killed.run_dir, "checkpoints")).sort()).toEqual(names.sort());
});

test("a stage starts from the best weights that were measured before it", async () => {
  // The first stage's steps are so long that its best is not its last.
  const keys = "validate: every(1 steps)\n  checkpoint: last(every: 1 steps)";
  const stages = `stage first for 6 steps { optimizer: adamw(lr: 0.5) }
  stage second for 1 steps { start: best(val.loss)  optimizer: adamw(lr: 1e-30) }`;
  const artifact = compiled(keys, stages);
  const { run_dir: dir } = await runCompiled({ artifact, runsDir: join(folder.path, "start") });
  const measured = eventsOf(dir).flatMap(({ type, split, update, metrics }) =>
    type === "validation" && split === "val" && Number(update) > 0
      ? [(metrics as Record<string, number>)["val.loss"] ?? NaN]
      : [],
  );
  const best = Math.min(...measured.slice(0, 6));
  expect(measured.indexOf(best)).toBeLessThan(5);
  // Statistics of the batch norm move in the one update; the weights do not.
  expect(Math.abs(at(measured, 6) - best)).toBeLessThan(Math.abs(at(measured, 5) - best));
});

test("averages and clipping by kernels: as by graphs", async () => {
  const keys = "accumulate: 2\n  clip_grad: norm(0.5)\n  ema: decay(0.5)";
  const artifact = compiled(keys, "stage main for 4 steps { }");
  const weights = async (graphs: "fused" | "split" | "kernels") => {
    const runsDir = join(folder.path, `kernels-${graphs}`);
    const options = { graphs, executor: "bound" } as const;
    const { run_dir: dir } = await runCompiled({ artifact, runsDir, options });
    return numbers(join(dir, "checkpoints/last/ema.safetensors"));
  };
  const fused = await weights("fused");
  expect(await weights("split")).toEqual(fused);
  for (const [key, values] of await weights("kernels"))
    values.forEach((value, i) =>
      expect(Math.abs(value - (fused.get(key)?.[i] ?? NaN)), key).toBeLessThan(1e-6),
    );
});

test("an update that goes wrong is traced to the line of its first bad value", async () => {
  const artifact = join(folder.path, "traced");
  const text = program("on_nan: stop(dump: true)", "stage main for 6 steps { }").replace(
    "logits = image\n",
    "let bad = log(image - 100.0)\n  logits = bad\n",
  );
  compileInto(artifact, text);
  const line = text.split("\n").findIndex((each) => each.includes("log(image")) + 1;
  const running = runCompiled({ artifact, runsDir: join(folder.path, "traced-runs") });
  const fault: unknown = await running.then(
    () => null,
    (error: unknown) => error,
  );
  expect(fault).toMatchObject({ exitCode: 4, diagnostic: { code: "run/traced-not-finite" } });
  const { message, hint } = (fault as Fault).diagnostic;
  expect(message).toContain("the validation after update 0 in stage `main` went wrong in");
  expect(message).toContain(`\`log\` of \`model\` at small.pipe:${line}:`);
  const file = /`(.*not-finite\.json)`/u.exec(hint ?? "")?.[1] ?? "";
  const found = JSON.parse(readFileSync(file, "utf8"));
  expect(found).toMatchObject({ first: { notFinite: 8 * 3 * 64, least: null } });
  expect(numbers(file.replace(".json", ".safetensors")).has("field:image")).toBe(true);
  // A step so long that the next update overflows.
  const long = program("on_nan: stop(dump: true)", "stage main for 6 steps { }")
    .replace("adamw(lr: 1e-2)", "adamw(lr: 1e38)")
    .replace("warmup(3 steps) then ", "");
  compileInto(join(folder.path, "long"), long);
  const late = runCompiled({
    artifact: join(folder.path, "long"),
    runsDir: join(folder.path, "long-runs"),
  });
  await expect(late).rejects.toMatchObject({
    diagnostic: {
      code: "run/traced-not-finite",
      message: /^update 2 of stage `main` went wrong in/u,
    },
  });
});

test("a sound run with a dump asked for is the run without", async () => {
  const stages = "stage main for 6 steps { }";
  const runsDir = join(folder.path, "sound");
  const traced = await runCompiled({
    artifact: compiled("on_nan: stop(dump: true)", stages),
    runsDir,
  });
  const plain = await runCompiled({ artifact: compiled("", stages), runsDir });
  const weights = ({ run_dir: dir }: { readonly run_dir: string }) =>
    numbers(join(dir, "checkpoints/last/model.safetensors"));
  expect(traced.run_dir).not.toBe(plain.run_dir);
  expect(weights(traced)).toEqual(weights(plain));
});
