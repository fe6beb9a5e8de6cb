/** `saic runs`: how runs stand, whoever ended them, and which may be removed. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { call } from "./in-process.js";
import { createWorkplace, normalized, type PrintedResult, tinyProgram } from "./saic.js";

const place = createWorkplace({
  "tiny.pipe": tinyProgram(),
  "long.pipe": tinyProgram({ steps: 100_000 }),
});
afterAll(place.remove);

interface Entry {
  readonly folder: string;
  readonly state: string;
  readonly pid: number | null;
  readonly updates: number | null;
  readonly of: number | null;
  readonly best: { readonly metric: string; readonly value: number } | null;
  readonly began: number;
  readonly last: number;
  readonly fault: { readonly code: string } | null;
  readonly bytes: number;
}
const list = async (): Promise<readonly Entry[]> => {
  const { code, stdout } = await call("runs", join(place.path, "runs"), "--json");
  expect(code).toBe(0);
  return JSON.parse(stdout) as readonly Entry[];
};

let result: PrintedResult;
beforeAll(async () => {
  const finished = await place.saic("run", "tiny.pipe", "--threads", "1", "--format", "json");
  result = JSON.parse(finished.stdout) as PrintedResult;
  await place.saic("run", "tiny.pipe", "--threads", "1", "--lr", "1e30");
}, 60_000);

test("a run that finished, and one that a guard ended, with what it said", async () => {
  const [finished, failed] = await list();
  expect(finished).toMatchObject({
    folder: join(place.path, result.run_dir),
    state: "finished",
    updates: 12,
    of: 12,
    best: { metric: "val.accuracy", value: result.metrics["val.accuracy"] },
    pid: null,
    fault: null,
  });
  expect(finished?.last).toBeGreaterThan(finished?.began ?? Infinity);
  expect(finished?.bytes).toBeGreaterThan(10_000);
  expect(failed).toMatchObject({ state: "failed", of: 12 });
  expect(failed?.fault?.code).toMatch(/^run\/(?:loss|state)-not-finite$/u);
  const { stdout } = await call("runs", join(place.path, "runs"));
  expect(stdout).toMatch(/^run +state +steps +best +began +took +size$/mu);
  expect(stdout).toMatch(/ finished +12\/12 +val\.accuracy 0\.\d{4} /u);
  const shown = await call("runs", "show", failed?.folder ?? "");
  expect(shown.stdout).toMatch(/^fault +\[run\/(?:loss|state)-not-finite\] /mu);
  const { stdout: whole } = await call("runs", "show", finished?.folder ?? "", "--json");
  expect(JSON.parse(whole)).toMatchObject({ result: { metrics: result.metrics } });
});

test("a run that trains is left alone; one that was killed is told from one that was stopped", async () => {
  const started = place.start("run", "long.pipe", "--threads", "1");
  for (let waited = 0; !started.stderr().includes("main 1/"); waited += 5) {
    if (waited > 50_000) throw new Error(started.stderr());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const running = (await list()).find(({ state }) => state === "running");
  expect(running?.pid).toBeGreaterThan(0);
  const folder = running?.folder ?? "";
  const refused = await call("runs", "rm", join(place.path, result.run_dir), folder);
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(normalized(refused.stderr, place)).toContain("error[run/locked]");
  expect(existsSync(folder)).toBe(true);
  // What stands before it in the list is left too.
  expect(existsSync(join(place.path, result.run_dir))).toBe(true);

  process.kill(running?.pid ?? 0, "SIGKILL");
  expect((await started.ended).code).toBe(5);
  const killed = (await list()).find((entry) => entry.folder === folder);
  expect(killed).toMatchObject({ state: "killed", pid: null, of: 100_000 });
  expect(killed?.updates).toBeGreaterThan(0);
  const removed = await call("runs", "rm", folder);
  expect(removed, removed.stderr).toMatchObject({ code: 0, stdout: "" });
  expect(existsSync(folder)).toBe(false);
  expect((await list()).map(({ state }) => state)).toEqual(["finished", "failed"]);
});

test("weights that a run has not, and a split without records", async () => {
  const untested = place.write(
    "untested.pipe",
    tinyProgram({ steps: 2 })
      .replace("val: 20%  test: 20%", "val: 40%")
      .replace("  objective test.accuracy >= 1\n", "")
      .replace("best(val.accuracy), ", ""),
  );
  const runs = ["--runs-dir", join(place.path, "other"), "--threads", "1"];
  const { code, stderr } = await place.saic("run", untested, ...runs);
  expect(code, stderr).toBe(0);
  const said = async (...args: readonly string[]): Promise<string> => {
    const ended = await call("eval", untested, ...runs, ...args);
    expect(ended.stdout).toBe("");
    return `${ended.code}: ${ended.stderr.split("\n")[0]}`;
  };
  expect(await said("--weights", "ema")).toMatch(
    /^2: error\[use\/no-weights\]: .* no ema weights/u,
  );
  expect(await said("--weights", "best")).toContain("2: error[use/no-weights]: ");
  expect(await said()).toContain("6: error[use/empty-split]: the data of `tiny` have no records");
  const [, failed] = await list();
  const none = await call("eval", failed?.folder ?? "");
  expect(none.code).toBe(2);
  expect(none.stderr).toContain("no checkpoint has been written yet");
});

test("a folder without runs, and what is no run", async () => {
  const empty = await call("runs", join(place.path, "none"));
  expect(empty.code).toBe(0);
  expect(normalized(empty.stdout, place)).toBe("no runs in DIR/none");
  const foreign = await call("runs", "rm", place.path);
  expect(foreign).toMatchObject({ code: 2, stdout: "" });
  expect(foreign.stderr).toContain("it has neither `plan.json` nor `events.jsonl`");
});
