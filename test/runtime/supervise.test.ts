/** The training process: real kills, real signals, and the same bits in the end. */

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DataProgram } from "../../compiler/plan/data.js";
import type { RunEvent } from "../../runtime/events.js";
import { identityOf } from "../../runtime/lock.js";
import type { RunOptions } from "../../runtime/run-options.js";
import { runTraining } from "../../runtime/supervise.js";
import { build } from "./build.js";
import { eventsOf, outcomeOf, temporaryFolder } from "./harness.js";
import { tinyProgram } from "./memory-dataset.js";
import { writeRegression } from "./regression.js";

const folder = temporaryFolder();
afterAll(folder.remove);
const artifact = join(folder.path, "artifact");

const place = "test.pipe:1:1";
const drawn: DataProgram = {
  ...tinyProgram,
  source: {
    kind: "synthetic",
    generator: "shapes",
    count: 60,
    height: 16,
    width: 16,
    classes: ["ring", "disc"],
    noise: 0.05,
    seed: 1,
    place,
  },
  fields: [
    { name: "image", reader: { kind: "image" }, dtype: "u8", shape: [1, 16, 16], place },
    { name: "label", reader: { kind: "label" }, dtype: "i64", shape: [], place },
  ],
  transforms: [
    { split: "train", field: "image", op: { kind: "hflip", p: 0.5 }, draw: "flip", place },
    {
      split: null,
      field: "image",
      op: { kind: "normalize", mean: [0.5], std: [0.5] },
      draw: "normalize",
      place,
    },
  ],
  outputs: [
    { name: "image", dtype: "f32", shape: [1, 16, 16] },
    { name: "label", dtype: "i64", shape: [] },
  ],
};

const options = (runs: string): RunOptions => ({
  artifact,
  runsDir: join(folder.path, runs),
  threads: 1,
  device: "cpu",
  executor: null,
  from: null,
  mode: "resume",
  graphs: "kernels",
  ignoreMemory: false,
});

beforeAll(() => {
  build();
  writeRegression(artifact, {
    data: drawn,
    learningRate: 1e-3,
    edit: (plan) => ({
      ...plan,
      stages: plan.stages.map((stage, i) => ({
        ...stage,
        duration: i === 0 ? stage.duration : { amount: 300, unit: "step" },
      })),
      validateEvery: { amount: 1, unit: "epoch" },
      checkpoint: { ...plan.checkpoint, last: { every: { amount: 10, unit: "step" } } },
    }),
  });
});

const ignore = (): void => undefined;

test("killed three times by SIGKILL, a run ends with the same weights and each step once", async () => {
  const whole = await runTraining(options("whole"), ignore);
  expect(whole).toMatchObject({ status: "finished", updates: 307 });
  for (const killAt of [5, 57, 250]) {
    const killed = runTraining(options("killed"), killAtUpdate(killAt));
    await expect(killed).rejects.toMatchObject({
      exitCode: 5,
      diagnostic: {
        code: "run/killed",
        message: expect.stringContaining("killed by SIGKILL, last seen with"),
      },
    });
  }
  const events: RunEvent[] = [];
  const finished = await runTraining(options("killed"), (event) => events.push(event));
  const [first] = events;
  expect(first?.type === "run" && first.resumed_from !== null && first.resumed_from > 100).toBe(
    true,
  );
  expect(outcomeOf(finished)).toEqual(outcomeOf(whole));
  const updates = eventsOf(finished.run_dir).flatMap(({ type, update }) =>
    type === "step" ? [update] : [],
  );
  expect(updates).toEqual(Array.from({ length: 307 }, (_, i) => i + 1));
  expect(await runTraining(options("killed"), ignore)).toEqual(finished);
});

test("a request to stop writes a checkpoint and says interrupted; SIGTERM to the process too", async () => {
  const stop = new AbortController();
  const stopped = await runTraining(
    options("stopped"),
    (event) => {
      if (event.type === "step" && event.update === 20) stop.abort();
    },
    stop.signal,
  );
  expect(stopped.status).toBe("interrupted");
  expect(stopped.updates).toBeLessThan(307);
  const terminated = await runTraining(
    options("stopped"),
    killAtUpdate(stopped.updates + 1, "SIGTERM"),
  );
  expect(terminated.status).toBe("interrupted");
  expect(terminated.updates).toBeGreaterThan(stopped.updates);
  const finished = await runTraining(options("stopped"), ignore);
  const whole = await runTraining(options("whole"), ignore);
  expect(readFileSync(finished.weights).equals(readFileSync(whole.weights))).toBe(true);
});

test("a fault in the thread arrives with its diagnostic and exit code", async () => {
  await expect(
    runTraining({ ...options("fault"), artifact: join(folder.path, "nowhere") }, ignore),
  ).rejects.toMatchObject({ exitCode: 2, diagnostic: { code: "artifact/missing" } });
});

test("the training process dies with its parent at once, and its lock does not block", async () => {
  const script = `
    import { runTraining } from ${JSON.stringify(new URL("../../dist/runtime/supervise.js", import.meta.url).href)};
    await runTraining(${JSON.stringify(options("orphan"))}, (event) => {
      if (event.type === "run") console.log(event.pid);
      if (event.type === "step" && event.update === 30) process.kill(process.pid, "SIGKILL");
    });`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  parent.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  await new Promise((resolve) => parent.once("close", resolve));
  const pid = Number(printed);
  expect(pid).toBeGreaterThan(0);
  const finished = await runTraining(options("orphan"), ignore);
  expect(identityOf(pid)).toBe(null);
  const whole = await runTraining(options("whole"), ignore);
  expect(outcomeOf(finished)).toEqual(outcomeOf(whole));
});

const mean = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / values.length;

test("memory stays flat over hundreds of updates", async () => {
  const rss: number[] = [];
  const result = await runTraining({ ...options("flat"), graphs: "split" }, (event) => {
    if (event.type === "step") rss.push(event.rss);
  });
  expect(existsSync(result.weights)).toBe(true);
  expect(mean(rss.slice(-50))).toBeLessThan(mean(rss.slice(100, 150)) + 40 * 2 ** 20);
});

function killAtUpdate(
  update: number,
  signal: NodeJS.Signals = "SIGKILL",
): (event: RunEvent) => void {
  let pid = 0;
  return (event) => {
    if (event.type === "run") ({ pid } = event);
    if (event.type === "step" && event.update === update) process.kill(pid, signal);
  };
}
