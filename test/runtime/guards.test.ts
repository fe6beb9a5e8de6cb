/** A run that cannot be right stops, says where, and leaves its last checkpoint. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Plan } from "../../compiler/plan/schema.js";
import type { RunEvent } from "../../runtime/events.js";
import { Fault } from "../../runtime/fault.js";
import { requireFiniteState, unchanged } from "../../runtime/train/guards.js";
import { lossesOf } from "../../runtime/train/losses.js";
import { Crash, eventsOf, run, temporaryFolder } from "./harness.js";
import { tinyProgram } from "./memory-dataset.js";
import { type RegressionOptions, writeRegression } from "./regression.js";

const folder = temporaryFolder();
afterAll(folder.remove);

let count = 0;
const prepare = (options: Partial<RegressionOptions> = {}) => {
  const artifact = join(folder.path, `artifact-${count++}`);
  const plan = writeRegression(artifact, { data: tinyProgram, ...options });
  const runsDir = `${artifact}-runs`;
  return { artifact, runsDir, plan, runDir: join(runsDir, plan.train, plan.hash.slice(0, 16)) };
};

async function faultOf(
  running: Promise<unknown>,
): Promise<{ code: string; exitCode: number; message: string }> {
  try {
    await running;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const { code, message } = error.diagnostic;
    return { code, exitCode: error.exitCode, message };
  }
  throw new Error("it should have stopped");
}

test("a loss that is not a number stops the run; the last checkpoint stays", async () => {
  const { artifact, runsDir, runDir } = prepare();
  const fault = await faultOf(run({ artifact, runsDir }, { faults: { poisoned: 3 } }));
  expect(fault).toMatchObject({ code: "run/loss-not-finite", exitCode: 4 });
  const steps = eventsOf(runDir).filter(({ type }) => type === "step");
  // Every record but two comes once in an epoch of 5 updates.
  expect(steps.length).toBeLessThan(10);
  expect(fault.message).toBe(
    `\`mse\` is NaN at update ${steps.length + 1} of stage \`${steps.length < 7 ? "first" : "second"}\``,
  );
  expect(existsSync(join(runDir, "result.json"))).toBe(false);
  const again = await run({ artifact, runsDir });
  expect(again.updates).toBe(22);
});

test("a learning rate so large that losses overflow is stopped as well", async () => {
  const { artifact, runsDir } = prepare({ learningRate: 1e20 });
  expect(await faultOf(run({ artifact, runsDir }))).toMatchObject({ exitCode: 4 });
});

test("a first update that changes nothing stops the run", async () => {
  const { artifact, runsDir } = prepare({ learningRate: 0 });
  expect(await faultOf(run({ artifact, runsDir }))).toMatchObject({
    code: "run/nothing-learned",
    exitCode: 4,
    message: "the first update of stage `first` changed none of its 1 trainable parameters",
  });
});

test("a parameter that never moves is a warning, once, however often the run is interrupted", async () => {
  // The buffer is claimed to be trainable, and no update of it reaches the state.
  const { artifact, runsDir, runDir } = prepare({
    edit: (plan) => ({
      ...plan,
      stages: plan.stages.map((stage) => ({
        ...stage,
        duration: { amount: 120, unit: "step" },
        trainable: [...stage.trainable, "slot.b.m"],
        bornSlots: [],
      })),
    }),
  });
  for (const crashAfter of [40, 99, 100, 101, 130])
    await expect(run({ artifact, runsDir }, { crashAfter })).rejects.toThrow(Crash);
  await run({ artifact, runsDir });
  const warnings = eventsOf(runDir).filter(({ type }) => type === "warning");
  expect(warnings).toEqual([
    {
      type: "warning",
      code: "run/parameter-idle",
      message: "`slot.b.m` did not change in the first 100 updates",
      hint: "its gradient is exactly zero: a dead branch, an idle expert, or a mask",
      update: 100,
    },
  ]);
});

test("an undefined metric is null and a warning, never NaN", async () => {
  const { artifact, runsDir, runDir } = prepare();
  const result = await run({ artifact, runsDir }, { faults: { oneClass: true } });
  expect(result.metrics["val.auroc"]).toBe(null);
  expect(result.metrics["test.auroc"]).toBe(null);
  expect(result.metrics["val.loss"]).toBeGreaterThan(0);
  const text = readFileSync(join(runDir, "events.jsonl"), "utf8");
  expect(text).not.toContain("NaN");
  expect(text).toContain("`test.auroc` is undefined: all records are positive");
});

test("a best metric that is never defined leaves the last weights, with a warning", async () => {
  const { artifact, runsDir, runDir } = prepare({
    edit: (plan) => ({
      ...plan,
      checkpoint: { ...plan.checkpoint, best: { metric: "val.auroc", better: "max", keep: 1 } },
    }),
  });
  const result = await run({ artifact, runsDir }, { faults: { oneClass: true } });
  expect(result.weights).toBe(join(runDir, "checkpoints", "last", "model.safetensors"));
  expect(eventsOf(runDir).some(({ code }) => code === "run/best-undefined")).toBe(true);
});

test("the best weights are those of the best validation, and the untrained ones never", async () => {
  const { artifact, runsDir } = prepare({
    edit: (plan) => ({
      ...plan,
      checkpoint: { ...plan.checkpoint, best: { metric: "val.loss", better: "max", keep: 3 } },
    }),
  });
  const events: RunEvent[] = [];
  const result = await run({ artifact, runsDir }, { events });
  const measured = events.flatMap((event) =>
    event.type === "validation" && event.split === "val" && event.update > 0
      ? [{ update: event.update, loss: event.metrics["val.loss"] ?? 0 }]
      : [],
  );
  measured.sort((a, b) => b.loss - a.loss);
  expect(result.metrics["val.loss"]).toBe(measured[0]?.loss);
  const tested = events.findLast((event) => event.type === "validation" && event.split === "test");
  expect(tested).toMatchObject({ update: measured[0]?.update });
});

test("too few records, no validation for the best, changed data: exit code 6", async () => {
  const { artifact, runsDir } = prepare();
  const sizes = { train: 22, val: 10, test: 9 };
  const withSizes = (changed: Partial<typeof sizes>) =>
    faultOf(run({ artifact, runsDir }, { faults: { sizes: { ...sizes, ...changed } } }));
  expect(await withSizes({ train: 3 })).toMatchObject({ code: "run/no-batches", exitCode: 6 });
  expect(await withSizes({ val: 0 })).toMatchObject({
    code: "run/best-without-validation",
    exitCode: 6,
  });
  await expect(run({ artifact, runsDir }, { crashAfter: 8 })).rejects.toThrow(Crash);
  expect(await withSizes({ test: 8 })).toMatchObject({ code: "run/split-changed", exitCode: 6 });
  expect((await run({ artifact, runsDir })).status).toBe("finished");
});

test("without a test split and without a best policy a run still ends", async () => {
  const { artifact, runsDir } = prepare({
    edit: (plan) => ({
      ...plan,
      metrics: [],
      objectives: [{ name: "val.loss", comparison: "<", target: 0, place: "test.pipe:1:1" }],
      checkpoint: { ...plan.checkpoint, best: null },
    }),
  });
  const result = await run(
    { artifact, runsDir },
    { faults: { sizes: { train: 22, val: 4, test: 0 } } },
  );
  expect(Object.keys(result.metrics)).toEqual(["train.mse", "train.loss", "val.mse", "val.loss"]);
  expect(result.objectives[0]).toMatchObject({ met: false, target: 0 });
});

test("a continued run on another number of threads is told so", async () => {
  const { artifact, runsDir, runDir } = prepare();
  await expect(run({ artifact, runsDir }, { crashAfter: 8 })).rejects.toThrow(Crash);
  await run({ artifact, runsDir, threads: 2 });
  expect(eventsOf(runDir).filter(({ code }) => code === "run/threads-changed")).toHaveLength(1);
});

test("a plan whose names lead nowhere is refused before anything runs", async () => {
  const cases: readonly (readonly [(plan: Plan) => Plan, string])[] = [
    [(p) => ({ ...p, schedules: [] }), "follows no schedule `lr`"],
    [
      (p) => ({ ...p, state: p.state.filter(({ path }) => path !== "model.seen") }),
      "reads the unknown state `model.seen`",
    ],
    [
      (p) => ({
        ...p,
        checkpoint: { ...p.checkpoint, best: { metric: "test.loss", better: "min", keep: 1 } },
      }),
      "chosen by `test.loss`, which validation does not measure",
    ],
    [
      (p) => ({ ...p, objectives: p.objectives.map((o) => ({ ...o, name: "test.f2" })) }),
      "the objective `test.f2` is measured nowhere",
    ],
    [
      (p) => ({ ...p, state: p.state.map((e) => (e.key === "seen" ? { ...e, key: "w" } : e)) }),
      "the checkpoint key `w` stands twice",
    ],
  ];
  for (const [edit, message] of cases) {
    const { artifact, runsDir } = prepare({ edit });
    const fault = await faultOf(run({ artifact, runsDir }));
    expect(fault).toMatchObject({ code: "artifact/inconsistent", exitCode: 2 });
    expect(fault.message).toContain(message);
  }
});

test("an artifact that is missing, damaged or newer", async () => {
  const { artifact, runsDir, plan } = prepare();
  const nowhere = join(folder.path, "nowhere");
  expect(await faultOf(run({ artifact: nowhere, runsDir }))).toMatchObject({
    code: "artifact/missing",
    exitCode: 2,
  });
  writeFileSync(join(artifact, "plan.json"), "{");
  expect(await faultOf(run({ artifact, runsDir }))).toMatchObject({ code: "artifact/invalid" });
  writeFileSync(join(artifact, "plan.json"), JSON.stringify({ ...plan, version: { major: 2 } }));
  expect((await faultOf(run({ artifact, runsDir }))).message).toContain(
    "plan version 2 is newer than this runtime's 1",
  );
});

test("state that is not finite is found before it is saved", () => {
  const { plan } = prepare();
  const state = new Map(
    plan.state.map(({ path, dtype, shape }) => [path, { dtype, shape, data: new Float32Array(3) }]),
  );
  const place = { stage: "first", update: 5 };
  requireFiniteState(plan, state, place);
  state.set("slot.w.m", { dtype: "f32", shape: [3], data: Float32Array.of(0, Infinity, 0) });
  expect(() => requireFiniteState(plan, state, place)).toThrow("`slot.w.m` holds values");
});

const tensor = (value: number) =>
  new Map([["p", { dtype: "f32", shape: [1], data: Float32Array.of(value) } as const]]);

test("a change of sign of zero is no change", () => {
  expect(unchanged(["p"], tensor(0), tensor(-0))).toEqual(["p"]);
  expect(unchanged(["p"], tensor(0), tensor(1e-30))).toEqual([]);
});

test("an atom without weight contributes nothing to its loss", () => {
  const terms = [
    {
      name: "loss",
      constant: 1,
      terms: [
        { coefficient: 2, atom: "a" },
        { coefficient: 3, atom: "b" },
      ],
    },
  ];
  expect(lossesOf(terms, { a: [6, 4], b: [0, 0] })).toEqual({ loss: 4 });
  expect(lossesOf(terms, { a: [6, 4], b: [1, 0] })).toEqual({ loss: Infinity });
});

const term = (name: string, constant: number) => ({ name, constant, terms: [] });

test("where no loss is called `loss`, it is the last one", () => {
  expect(lossesOf([term("a", 1), term("b", 2)], {})).toEqual({ a: 1, b: 2, loss: 2 });
  expect(lossesOf([term("loss", 1), term("b", 2)], {})).toEqual({ loss: 1, b: 2 });
});
