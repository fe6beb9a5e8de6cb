/** What a machine does to a run: a full disk, a folder that may no longer be written, memory that is not given, signals. */

import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  createWorkplace,
  type Ended,
  eventsIn,
  type PrintedResult,
  root,
  tinyProgram,
  weightsOf,
} from "../cli/saic.js";
import { progressOf } from "./run-progress.js";

const updates = 24;
const place = createWorkplace({
  "tiny.pipe": tinyProgram({ steps: updates }).replace(
    "every: 4 steps)",
    "every: 1 steps), every(1 steps, keep: all)",
  ),
});
afterAll(place.remove);

const command = join(root, "dist/cli/main.js");
const args = (runs: string): readonly string[] => [
  "run",
  "tiny.pipe",
  "--threads=1",
  "--format=json",
  `--runs-dir=${runs}`,
];

/** Weights, slots and events of a run from its beginning to its end, whatever happened between. */
function outcomeOf(runDir: string, result: PrintedResult) {
  const chosen = join(runDir, result.weights.slice(result.weights.indexOf("checkpoints")));
  return {
    weights: weightsOf(runDir, chosen),
    metrics: result.metrics,
    steps: eventsIn(runDir).flatMap(({ type, update, losses }) =>
      type === "step" ? [[update, losses]] : [],
    ),
  };
}

let whole: ReturnType<typeof outcomeOf>;
beforeAll(async () => {
  const ended = await place.saic(...args("whole"));
  const result = JSON.parse(ended.stdout) as PrintedResult;
  whole = outcomeOf(join(place.path, result.run_dir), result);
}, 60_000);

const withoutStack = (ended: { readonly stderr: string }): void =>
  expect(ended.stderr).not.toMatch(/^\s+at .+:\d+:\d+\)?$/mu);

/** Continues a run to its end, and expects what an undisturbed one gives. */
async function expectWhole(runs: string): Promise<void> {
  const ended = await place.saic(...args(runs));
  expect(ended.code, ended.stderr).toBe(0);
  const result = JSON.parse(ended.stdout) as PrintedResult;
  expect(result.updates).toBe(updates);
  expect(outcomeOf(join(place.path, result.run_dir), result)).toEqual(whole);
}

const runOf = (runs: string) => progressOf(join(place.path, runs, "tiny"));

test("a disk that is full while a checkpoint is written: 2, and it goes on when there is room", async () => {
  // A file system of its own, of one MiB: all checkpoints are kept, and not all find room.
  const space = ["-m", "-rUm"].find((flags) => {
    const tried = spawnSync("unshare", [
      ...flags.split(" "),
      "mount",
      "-t",
      "tmpfs",
      "none",
      "/mnt",
    ]);
    return tried.status === 0;
  });
  if (space === undefined) {
    process.stdout.write("a full disk: not tried, there are no mount namespaces here\n");
    return;
  }
  const script = `
    mkdir disk kept && mount -t tmpfs -o size=1m none disk || exit 99
    node=$1; shift
    "$node" "$@"; code=$?
    cp -a disk/. kept/
    exit $code`;
  const full = spawnSync(
    "unshare",
    [space, "sh", "-c", script, "sh", process.execPath, command, ...args("disk")],
    { cwd: place.path, encoding: "utf8" },
  );
  expect(full.status, full.stderr).toBe(2);
  expect(full.stdout).toBe("");
  expect(full.stderr).toMatch(
    /error\[run\/cannot-write\]: `disk\/tiny\/.*` cannot be written: no space is left on the disk/u,
  );
  expect(full.stderr).toContain("what was written before is intact");
  withoutStack(full);
  const { folder, update } = runOf("kept");
  expect(update).toBeLessThan(updates);
  expect(existsSync(join(folder, "checkpoints/last/manifest.json"))).toBe(true);
  await expectWhole("kept");
}, 60_000);

/** Root may write everywhere: where we are root, the command runs without that right. */
const restrained: readonly [string, ...string[]] =
  process.getuid?.() === 0
    ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search", process.execPath]
    : [process.execPath];

test("a folder that may no longer be written: 2, and nothing is lost", async () => {
  const [program, ...before] = restrained;
  const child = spawn(program, [...before, command, ...args("denied"), "--executor=session"], {
    cwd: place.path,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  while (runOf("denied").update < 3 && child.exitCode === null) await sleep(1);
  const checkpoints = join(runOf("denied").folder, "checkpoints");
  chmodSync(checkpoints, 0o555);
  expect(await ended, stderr).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toMatch(
    /error\[run\/cannot-write\]: `denied\/tiny\/.*checkpoints\/.*` cannot be written: permission is denied/u,
  );
  withoutStack({ stderr });
  chmodSync(checkpoints, 0o755);
  const { update } = runOf("denied");
  expect(update).toBeLessThan(updates);
  expect(existsSync(join(checkpoints, "last/manifest.json"))).toBe(true);
  await expectWhole("denied");
}, 60_000);

test("SIGTERM while a checkpoint is written: 75, with that checkpoint whole", async () => {
  const started = place.start(...args("term"));
  const isTorn = (): boolean => {
    const folder = join(runOf("term").folder, "checkpoints");
    const names = existsSync(folder) ? readdirSync(folder) : [];
    return names.some((name) => /^update-.*\.tmp$/u.test(name));
  };
  let stopped = false;
  while (!stopped && started.child.exitCode === null) {
    if (!isTorn()) continue;
    const { pid } = runOf("term");
    process.kill(pid, "SIGSTOP");
    stopped = isTorn();
    if (stopped) process.kill(pid, "SIGTERM");
    process.kill(pid, "SIGCONT");
  }
  const ended = await started.ended;
  expect(stopped).toBe(true);
  expect(ended, ended.stderr).toMatchObject({ code: 75, signal: null });
  const { status, updates: made } = JSON.parse(ended.stdout) as PrintedResult;
  expect(status).toBe("interrupted");
  const last = join(runOf("term").folder, "checkpoints/last/manifest.json");
  const manifest = JSON.parse(readFileSync(last, "utf8")) as { progress: { update: number } };
  expect(manifest.progress.update).toBe(made);
  expect(isTorn()).toBe(false);
  await expectWhole("term");
}, 60_000);

test("two commands on one run: the second is told who has it, 2, and disturbs nothing", async () => {
  const runs = args("shared");
  // The first waits, so that it outlives the second's patience.
  const first = place.start(...runs);
  while (runOf("shared").update < 2 && first.child.exitCode === null) await sleep(1);
  const { pid } = runOf("shared");
  process.kill(pid, "SIGSTOP");
  const second = await place.saic(...runs);
  process.kill(pid, "SIGCONT");
  expect(second, second.stderr).toMatchObject({ code: 2, stdout: "" });
  expect(second.stderr).toContain(`is in use by process ${pid}`);
  expect((await first.ended).code).toBe(0);
  await expectWhole("shared");
}, 60_000);

test("memory that is not given: 5, with what was predicted and a smaller batch", async () => {
  place.write(
    "wide.pipe",
    tinyProgram({ steps: 2 })
      .replace(
        "Linear(hidden) as hidden |> relu",
        "Linear(2) as narrow |> Linear(hidden) as hidden |> relu",
      )
      .replaceAll("batch: 8", "batch: 16"),
  );
  // Address space for Node and ONNX Runtime, and not for activations of 384 MB each.
  const limited = await new Promise<Ended>((resolve) => {
    const saic = [command, "run", "wide.pipe", "--hidden-units=6000000", "--executor=session"];
    const child = spawn(
      "sh",
      [
        "-c",
        'ulimit -v 3000000; exec "$0" "$@"',
        process.execPath,
        ...saic,
        "--threads=1",
        "--ignore-memory",
      ],
      { cwd: place.path, env: { ...process.env, NO_COLOR: "1" } },
    );
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  expect(limited, limited.stderr).toMatchObject({ code: 5, stdout: "" });
  expect(limited.stderr).toMatch(
    /error\[run\/out-of-memory\]: out of memory while .*; the run was predicted to need [\d.]+ GiB \(`main\/\w+\.onnx`/u,
  );
  expect(limited.stderr).toContain(
    "`batch: 8` with `accumulate: 2` makes updates of the same size",
  );
  withoutStack(limited);
}, 60_000);
