/** Every fault of the runtime arrives with its code and exit code. */

import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import type { DataProgram } from "../../compiler/plan/data.js";
import { createFiles } from "../../runtime/atomic-file.js";
import { readCheckpoint, readWeights } from "../../runtime/checkpoint/checkpoint.js";
import { createStore } from "../../runtime/checkpoint/store.js";
import { noProgress } from "../../runtime/checkpoint/progress.js";
import { openDataset } from "../../runtime/data/open-dataset.js";
import { createWorkerPool } from "../../runtime/data/worker-pool.js";
import { openEventLog, type RunEvent } from "../../runtime/events.js";
import { createSessionExecutor } from "../../runtime/executor/session.js";
import { Fault } from "../../runtime/fault.js";
import { initialize } from "../../runtime/initialize.js";
import { requireMemory } from "../../runtime/memory.js";
import { readResult } from "../../runtime/run-result.js";
import { createSchedules, createTimeline } from "../../runtime/schedule.js";
import { runTraining } from "../../runtime/supervise.js";
import { requireFiniteState } from "../../runtime/train/guards.js";
import { shapesProgram, split } from "../data/fixtures.js";
import { build } from "./build.js";
import { eventsOf, run, temporaryFolder } from "./harness.js";
import { tinyProgram } from "./memory-dataset.js";
import { writeRegression } from "./regression.js";

const folder = temporaryFolder();
afterAll(folder.remove);
const artifact = join(folder.path, "artifact");
const plan = writeRegression(artifact, { data: tinyProgram });
const state = new Map(
  plan.state.map(({ path, shape, dtype, init }) => [
    path,
    { dtype, shape, data: initialize(init, 1, path, shape, dtype) },
  ]),
);

/** The code and exit code of what `work` throws. */
async function faultOf(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Fault) return `${error.diagnostic.code} ${error.exitCode}`;
    throw error;
  }
  return "none";
}

/** A checkpoint of its own. */
function checkpoint(name: string): string {
  const store = createStore(join(folder.path, name), createFiles());
  store.write("update-1", { plan, state, progress: { ...noProgress, update: 1 }, eventsBytes: 0 });
  return store.last() ?? "";
}

test("checkpoints", async () => {
  const nowhere = join(folder.path, "nowhere");
  expect(await faultOf(() => readCheckpoint(nowhere, plan))).toBe("checkpoint/missing 2");
  const whole = checkpoint("whole");
  expect(await faultOf(() => readCheckpoint(whole, plan))).toBe("none");
  expect(await faultOf(() => readCheckpoint(whole, { ...plan, hash: "other" }))).toBe(
    "checkpoint/other-program 2",
  );
  const fewer = { ...plan, state: plan.state.slice(1) };
  expect(await faultOf(() => readWeights(whole, fewer))).toBe("checkpoint/weights-mismatch 2");
  const cut = checkpoint("cut");
  truncateSync(join(cut, "model.safetensors"), 10);
  expect(await faultOf(() => readCheckpoint(cut, plan))).toBe("checkpoint/damaged 2");
});

test("files of a run", async () => {
  const events = join(folder.path, "events.jsonl");
  writeFileSync(events, "{}\n");
  expect(await faultOf(() => openEventLog(events, 4))).toBe("checkpoint/events-missing 2");
  writeFileSync(join(folder.path, "result.json"), "{");
  expect(await faultOf(() => readResult(folder.path))).toBe("run/result-damaged 2");
  // A file stands where a folder would have to be.
  const blocked = join(events, "below", "it.json");
  expect(await faultOf(() => createFiles().publish(blocked, "{}"))).toBe("run/cannot-write 2");
});

test("numbers", async () => {
  const broken = {
    ...plan,
    schedules: plan.schedules.map((schedule) => ({ ...schedule, base: Infinity })),
  };
  const schedules = createSchedules(broken, createTimeline(broken, 5));
  expect(await faultOf(() => schedules.valueAt("lr", 1))).toBe("run/schedule-not-finite 4");
  const [{ path, shape } = { path: "", shape: [] }] = plan.state;
  const poisoned = new Map(state).set(path, {
    dtype: "f32",
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(NaN),
  });
  expect(
    await faultOf(() => requireFiniteState(plan, poisoned, { stage: "first", update: 1 })),
  ).toBe("run/state-not-finite 4");
  const result = await run(
    { artifact, runsDir: join(folder.path, "runs") },
    { faults: { oneClass: true } },
  );
  const codes = eventsOf(result.run_dir).map(({ code }) => code);
  expect(codes).toContain("run/metric-undefined");
});

test("memory, graphs and devices", async () => {
  const little = { bytes: 1, limit: "a test" };
  expect(await faultOf(() => requireMemory(plan, "fused", "cpu", little))).toBe(
    "run/memory-predicted 5",
  );
  const executor = createSessionExecutor({ device: "cpu", threads: 1 });
  const [stage] = plan.stages;
  const spec = stage?.graphs.step;
  if (spec === undefined) throw new Error("the plan has a stage");
  const other = { ...spec, inputs: spec.inputs.slice(1) };
  expect(await faultOf(() => executor.load(artifact, other))).toBe("artifact/graph-mismatch 2");
  await executor.close();
  // Packages are installed without their scripts, which would fetch the library for CUDA.
  const cuda = await faultOf(() => createSessionExecutor({ device: "cuda", threads: 1 }));
  expect(["run/device-unavailable 2", "none"]).toContain(cuda);
});

test("data", async () => {
  const drawn = shapesProgram({ transforms: [] });
  const u8 = {
    ...drawn,
    outputs: drawn.fields.map(({ name, dtype, shape }) => ({
      name,
      dtype,
      shape: shape.map((extent) => extent ?? 1),
    })),
  };
  const open = (program: DataProgram) =>
    faultOf(() => openDataset(program, { seed: 1, threads: 0 }));
  const few = { ...u8, split: { ...split, train: 0.999, val: 0.001, test: 0 } };
  expect(await open(few)).toBe("data/split-empty 6");
  expect(await open(drawn)).toBe("data/output-mismatch 6");
  const missing = pathToFileURL(join(folder.path, "none.js"));
  const setup = { program: drawn, seed: 1, frameBytes: 0 };
  expect(await faultOf(() => createWorkerPool(1, setup, missing))).toBe("data/worker-missing 2");
});

test("a process that ends by itself", async () => {
  build();
  const drawn = join(folder.path, "drawn");
  writeRegression(drawn, { data: shapesProgram() });
  const options = {
    artifact: drawn,
    runsDir: join(folder.path, "died"),
    threads: 1,
    device: "cpu",
    executor: null,
    from: null,
    mode: "resume",
    graphs: "fused",
    ignoreMemory: false,
  } as const;
  const abort = (event: RunEvent): void => {
    if (event.type === "run") process.kill(event.pid, "SIGABRT");
  };
  expect(await faultOf(() => runTraining(options, abort))).toBe("run/process-died 70");
});
