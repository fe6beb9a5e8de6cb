/** Ten kills of the real command, one of them while it writes a checkpoint: the bits stay the same. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import {
  createWorkplace,
  eventsIn,
  type PrintedResult,
  type Started,
  weightsOf,
} from "../cli/saic.js";
import { progressOf } from "./run-progress.js";

const updates = 60;

/** Convolution, batch norm, dropout and augmentation; 12 updates an epoch, a checkpoint every 10. */
const program = `
import { BatchNorm2d, Conv2d, Dropout, Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { accuracy } from "saic:metrics"
import { adamw } from "saic:optimizers"
import { cosine, warmup } from "saic:schedules"

dataset Shapes {
  source: synthetic(shapes, count: 320, size: 16, classes: [ring, cross, square, triangle], noise: 0.05, seed: 4)
  field image: image() -> u8[3, 16, 16]
  field kind:  label() -> i64[]
  split random { train: 60%  val: 20%  test: 20%  seed: 1 }
  transform train { image = image |> hflip(p: 0.5) |> random_shift(pad: 2) |> jitter(brightness: 0.1, contrast: 0.2) }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: 16  shuffle: true  workers: 1  last: drop }
}

block Net(classes: dim) {
  in  image: f32[B, 3, H, W]
  out logits: f32[B, classes]
  logits = image
    |> Conv2d(16, kernel: 3, pad: 1, bias: false) as conv |> BatchNorm2d() as norm |> relu
    |> flatten() |> Linear(128) as hidden |> relu |> Dropout(0.3) |> Linear(classes) as head
}

train shapes {
  model: Net(classes: Shapes.classes)
  data:  Shapes
  seed:  1
  loss { total = cross_entropy(logits, kind) }
  optimizer: adamw(lr: 2e-3, weight_decay: 0.01)
  schedule:  warmup(10 steps) then cosine(to: 1e-5)
  stage main for ${updates} steps { }
  metrics { accuracy = accuracy(logits, kind) }
  checkpoint: [best(val.accuracy), last(every: 10 steps)]
}
`;

const place = createWorkplace({ "shapes.pipe": program });
afterAll(place.remove);

const args = (runs: string): readonly string[] => [
  "run",
  "shapes.pipe",
  "--threads",
  "1",
  "--runs-dir",
  runs,
  "--format",
  "json",
];

/** When a process is killed, and which: the command itself or the process that trains. */
interface Kill {
  readonly who: "command" | "training";
  /** At this update, or in the midst of writing the first checkpoint from then on. */
  readonly at: number;
  readonly while: "training" | "writing";
}

const kills: readonly Kill[] = [
  { who: "command", at: 2, while: "training" },
  { who: "training", at: 6, while: "training" },
  { who: "training", at: 13, while: "training" },
  { who: "command", at: 18, while: "training" },
  { who: "training", at: 20, while: "writing" },
  { who: "command", at: 27, while: "training" },
  { who: "training", at: 35, while: "training" },
  { who: "training", at: 40, while: "writing" },
  { who: "command", at: 49, while: "training" },
  { who: "training", at: 56, while: "training" },
];

test("killed at ten moments, a run ends with the same bits and each step once", async () => {
  const whole = await place.saic(...args("whole"));
  expect(whole.code, whole.stderr).toBe(0);
  const uninterrupted = JSON.parse(whole.stdout) as PrintedResult;
  expect(uninterrupted.updates).toBe(updates);

  const report: string[] = [];
  for (const kill of kills) {
    const seen = await killRun(kill, join(place.path, "killed", "shapes"));
    report.push(`${kill.who} at ${seen.lastStep}${seen.torn === null ? "" : ` (${seen.torn})`}`);
  }
  process.stdout.write(`killed: ${report.join(", ")}\n`);
  expect(report.filter((line) => line.includes(".tmp"))).toHaveLength(2);

  const ended = await place.saic(...args("killed"));
  expect(ended.code, ended.stderr).toBe(0);
  const finished = JSON.parse(ended.stdout) as PrintedResult;
  const inPlace = (result: PrintedResult): readonly [string, string] => [
    join(place.path, result.run_dir),
    join(place.path, result.weights),
  ];
  expect(finished.metrics).toEqual(uninterrupted.metrics);
  expect(weightsOf(...inPlace(finished))).toEqual(weightsOf(...inPlace(uninterrupted)));
  const [runDir] = inPlace(finished);
  const steps = eventsIn(runDir).filter(({ type }) => type === "step");
  expect(steps.map(({ update }) => update)).toEqual(
    Array.from({ length: updates }, (_, i) => i + 1),
  );
  expect(steps.map(({ losses }) => losses)).toEqual(
    eventsIn(inPlace(uninterrupted)[0]).flatMap(({ type, losses }) =>
      type === "step" ? [losses] : [],
    ),
  );
  expect(readdirSync(join(runDir, "checkpoints")).filter((name) => /tmp/u.test(name))).toEqual([]);
}, 240_000);

interface Seen {
  readonly lastStep: number;
  /** The half-written checkpoint that lay there after the kill. */
  readonly torn: string | null;
}

/** Starts the run, kills it at its moment, and waits until nothing of it lives. */
async function killRun(kill: Kill, train: string): Promise<Seen> {
  const started = place.start(...args("killed"));
  const seen = await (kill.while === "training"
    ? killAtUpdate(kill, started, train)
    : killInWrite(kill, started, train));
  const ended = await started.ended;
  if (kill.who === "command") expect(ended.signal).toBe("SIGKILL");
  else expect(ended, ended.stderr).toMatchObject({ code: 5, stdout: "" });
  expect(ended.stderr).not.toMatch(/^\s+at /mu);
  return seen;
}

async function killAtUpdate(kill: Kill, started: Started, train: string): Promise<Seen> {
  const { pid } = await untilTrained(kill.at, started, train);
  process.kill(kill.who === "command" ? (started.child.pid ?? 0) : pid, "SIGKILL");
  await started.ended;
  return { lastStep: progressOf(train).update, torn: null };
}

/** Halts the process when it sees a folder being written, so that it is there when the kill comes. */
async function killInWrite(kill: Kill, started: Started, train: string): Promise<Seen> {
  const { pid, checkpoints } = await untilTrained(kill.at - 1, started, train);
  for (;;) {
    const found = tornIn(checkpoints);
    if (found === null) {
      if (progressOf(train).update === updates)
        throw new Error("no checkpoint was seen half-written");
      continue;
    }
    process.kill(pid, "SIGSTOP");
    const torn = tornIn(checkpoints);
    process.kill(pid, torn === null ? "SIGCONT" : "SIGKILL");
    if (torn === null) continue;
    await started.ended;
    return { lastStep: progressOf(train).update, torn: tornIn(checkpoints) };
  }
}

const tornIn = (checkpoints: string): string | null =>
  (existsSync(checkpoints) ? readdirSync(checkpoints) : []).find((name) =>
    /^update-.*\.tmp$/u.test(name),
  ) ?? null;

interface Training {
  /** The process that trains. */
  readonly pid: number;
  readonly checkpoints: string;
}

/** Waits until this process has made the update: an earlier one's events may still be there. */
async function untilTrained(update: number, started: Started, train: string): Promise<Training> {
  for (;;) {
    const now = progressOf(train);
    const { child } = started;
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`ended before update ${update}: ${started.stderr()}`);
    if (now.update >= update && now.pid !== lastPid) {
      lastPid = now.pid;
      return { pid: now.pid, checkpoints: join(now.folder, "checkpoints") };
    }
    await sleep(1);
  }
}

let lastPid = 0;
