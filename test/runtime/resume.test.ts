/** A run that is interrupted anywhere and continued ends as if it had never stopped. */

import { existsSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { at } from "../../grammar/invariant.js";
import { readEvents, type RunEvent } from "../../runtime/events.js";
import { acquireLock } from "../../runtime/lock.js";
import type { RunResult } from "../../runtime/run-result.js";
import { Crash, eventsOf, outcomeOf, run, temporaryFolder } from "./harness.js";
import { tinyProgram } from "./memory-dataset.js";
import { writeRegression } from "./regression.js";

const folder = temporaryFolder();
const artifact = join(folder.path, "artifact");
let whole: RunResult;
let expected: unknown;

const stepsOf = (dir: string) => eventsOf(dir).filter(({ type }) => type === "step");

beforeAll(async () => {
  writeRegression(artifact, { data: tinyProgram });
  whole = await run({ artifact, runsDir: join(folder.path, "whole") });
  expected = outcomeOf(whole);
});
afterAll(folder.remove);

test("a whole run trains, validates, tests and says so", () => {
  expect(whole.status).toBe("finished");
  // 7 updates, then 3 epochs of 5 batches.
  expect(whole.updates).toBe(22);
  expect(whole.epochs).toBeCloseTo(4.4);
  const events = eventsOf(whole.run_dir);
  const steps = events.filter(({ type }) => type === "step");
  expect(steps.map(({ update }) => update)).toEqual(Array.from({ length: 22 }, (_, i) => i + 1));
  const validated = events.filter(({ type, split }) => type === "validation" && split === "val");
  expect(validated.map(({ update }) => update)).toEqual([0, 4, 7, 11, 15, 19, 22]);
  const { "val.loss": before = NaN } = at(validated, 0)["metrics"] as Record<string, number>;
  expect(whole.metrics["val.loss"]).toBeLessThan(before);
  expect(whole.metrics["test.auroc"]).toBeGreaterThan(0.5);
  expect(whole.objectives).toEqual([
    { name: "test.loss", target: 100, value: whole.metrics["test.loss"], met: true },
  ]);
  expect(whole.precision).toEqual({ asked: "f32", ran: "f32" });
  expect(readdirSync(whole.run_dir).sort()).toEqual(
    ["checkpoints", "env.json", "events.jsonl", "plan.json", "program.pipe", "result.json"].concat(
      "split.manifest.json",
    ),
  );
  expect(whole.weights).toBe(join(whole.run_dir, "checkpoints", "best-1", "model.safetensors"));
});

test("loss values are the combination of their atoms", () => {
  for (const { losses } of eventsOf(whole.run_dir).filter(({ type }) => type === "step")) {
    const { mse, loss } = losses as Record<string, number>;
    expect(loss).toBe(0.25 + 0.5 * (mse ?? NaN));
  }
});

test("only referenced checkpoints are kept", () => {
  const checkpoints = join(whole.run_dir, "checkpoints");
  const names = readdirSync(checkpoints);
  const links = names.filter((name) => !name.startsWith("update-"));
  expect(links.sort()).toEqual(["best-1", "best-2", "last"]);
  const targets = new Set(links.map((name) => readlinkSync(join(checkpoints, name))));
  expect(names.filter((name) => name.startsWith("update-")).sort()).toEqual([...targets].sort());
});

test("a clock that is set back between two starts changes nothing but the times", async () => {
  const runsDir = join(folder.path, "clock");
  const clock = vi.spyOn(Date, "now");
  clock.mockReturnValue(2e12);
  await expect(run({ artifact, runsDir }, { crashAfter: 9 })).rejects.toThrow(Crash);
  clock.mockReturnValue(1e12);
  const finished = await run({ artifact, runsDir });
  clock.mockRestore();
  expect(outcomeOf(finished)).toEqual(expected);
  const times = readEvents(join(finished.run_dir, "events.jsonl")).map(({ time }) => time);
  expect(new Set(times)).toEqual(new Set([2e12, 1e12]));
  // Begun anew, it is the earlier run that is moved aside, whatever the clock says.
  await run({ artifact, runsDir, mode: "fresh" });
  expect(existsSync(join(`${finished.run_dir}.before-1`, "result.json"))).toBe(true);
});

test("again, in another directory: the same bits", async () => {
  const again = await run({ artifact, runsDir: join(folder.path, "again") });
  expect(outcomeOf(again)).toEqual(expected);
});

test.each([1, 2, 3, 6, 7, 8, 12, 13, 21, 22])("a crash after update %i", async (crashAfter) => {
  const runsDir = join(folder.path, `crash-${crashAfter}`);
  await expect(run({ artifact, runsDir }, { crashAfter })).rejects.toThrow(Crash);
  expect(outcomeOf(await run({ artifact, runsDir }))).toEqual(expected);
});

test("a crash after every single update", async () => {
  const runsDir = join(folder.path, "often");
  for (let crashAfter = 1; crashAfter <= 22; crashAfter++)
    await expect(run({ artifact, runsDir }, { crashAfter })).rejects.toThrow(Crash);
  expect(outcomeOf(await run({ artifact, runsDir }))).toEqual(expected);
});

test.each([1, 5, 6, 7, 10, 16])("a request to stop after update %i", async (stopAfter) => {
  const runsDir = join(folder.path, `stop-${stopAfter}`);
  const stopped = await run({ artifact, runsDir }, { stopAfter });
  expect(stopped).toMatchObject({ status: "interrupted", updates: stopAfter });
  expect(existsSync(join(stopped.run_dir, "result.json"))).toBe(false);
  expect(existsSync(stopped.weights)).toBe(true);
  const finished = await run({ artifact, runsDir });
  const { steps: _steps, ...rest } = outcomeOf(finished) as Record<string, unknown>;
  expect(expected).toMatchObject(rest);
  // The extra checkpoint is an event of its own; the steps are each there once.
  expect(stepsOf(finished.run_dir)).toEqual(stepsOf(whole.run_dir));
});

test("a finished run given again returns what it stored and runs nothing", async () => {
  const before = readFileSync(join(whole.run_dir, "events.jsonl"), "utf8");
  const events: never[] = [];
  const runsDir = join(folder.path, "whole");
  expect(await run({ artifact, runsDir }, { events, crashAfter: 1 })).toEqual(whole);
  expect(events).toEqual([]);
  expect(readFileSync(join(whole.run_dir, "events.jsonl"), "utf8")).toBe(before);
});

test("a run directory in use is refused", async () => {
  const lock = await acquireLock(whole.run_dir, { waitMs: 0 });
  const running = run({ artifact, runsDir: join(folder.path, "whole") });
  await expect(running).rejects.toMatchObject({ exitCode: 2, diagnostic: { code: "run/locked" } });
  lock.release();
});

test("`fresh` moves the old run aside", async () => {
  const runsDir = join(folder.path, "fresh");
  const first = await run({ artifact, runsDir });
  for (const n of [1, 2]) {
    const next = await run({ artifact, runsDir, mode: "fresh" });
    expect(outcomeOf(next)).toEqual(expected);
    expect(existsSync(join(`${first.run_dir}.before-${n}`, "result.json"))).toBe(true);
  }
});

test("`grad` then `apply` make the same updates as `step`", async () => {
  const split = await run({ artifact, runsDir: join(folder.path, "split"), graphs: "split" });
  expect(outcomeOf(split)).toEqual(expected);
});

test("a run from given weights has a directory of its own and begins with them", async () => {
  const runsDir = join(folder.path, "from");
  const from = join(whole.run_dir, "checkpoints", "last");
  const events: RunEvent[] = [];
  const next = await run({ artifact, runsDir, from }, { events });
  expect(next.run_dir.split("/").at(-1)).not.toBe(whole.run_dir.split("/").at(-1));
  const [first] = events.filter((event) => event.type === "validation");
  const last = eventsOf(whole.run_dir).findLast(
    ({ type, split }) => type === "validation" && split === "val",
  );
  expect(first).toMatchObject({ update: 0, metrics: last?.["metrics"] });
});
