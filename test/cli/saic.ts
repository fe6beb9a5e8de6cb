/** Runs the built command in processes of its own, and small programs for it. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../runtime/build.js";

export const root = fileURLToPath(new URL("../../", import.meta.url));
const command = join(root, "dist/cli/main.js");

/** How a command ended, and what it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What has come on standard error so far. */
  readonly stderr: () => string;
}

/** A folder of its own on a real disk, where commands run, with the programs they need. */
export interface Workplace {
  readonly path: string;
  readonly write: (name: string, text: string) => string;
  readonly read: (name: string) => string;
  readonly start: (...args: readonly string[]) => Started;
  /** Fails when anything that looks like a stack trace was written. */
  readonly saic: (...args: readonly string[]) => Promise<Ended>;
  readonly remove: () => void;
}

export function createWorkplace(programs: Readonly<Record<string, string>> = {}): Workplace {
  build();
  const path = mkdtempSync(join(tmpdir(), "saic-cli-"));
  const place: Workplace = {
    path,
    write: (name, text) => {
      const file = join(path, name);
      writeFileSync(file, text);
      return file;
    },
    read: (name) => readFileSync(join(path, name), "utf8"),
    start: (...args) => startCommand(path, args),
    saic: async (...args) => {
      const ended = await startCommand(path, args).ended;
      if (/^\s+at .+:\d+:\d+\)?$/mu.test(ended.stdout + ended.stderr))
        throw new Error(`a stack trace: ${ended.stderr}`);
      return ended;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
  for (const [name, text] of Object.entries(programs)) place.write(name, text);
  return place;
}

function startCommand(cwd: string, args: readonly string[]): Started {
  const child = spawn(process.execPath, [command, ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, ended, stderr: () => stderr };
}

export interface TinyOptions {
  readonly steps?: number;
  readonly count?: number;
  /** Inserted into the train. */
  readonly members?: string;
}

/** Two drawn shapes told apart by one hidden layer: an epoch has six updates. */
export const tinyProgram = ({ steps = 12, count = 80, members = "" }: TinyOptions = {}): string => `
/// A tiny classifier of two shapes.
import { Linear } from "saic:layers"
import { cross_entropy } from "saic:losses"
import { accuracy } from "saic:metrics"
import { adamw } from "saic:optimizers"

/// Learning rate.
param lr: float = 1e-2 in 1e-6 .. 1e30
/// Hidden units.
param hidden_units: int = 8 in 1 .. 2_000_000_000

dataset Shapes {
  source: synthetic(shapes, count: ${count}, size: 12, classes: [ring, cross], noise: 0.05, seed: 4)
  field image: image() -> u8[3, 12, 12]
  field kind:  label() -> i64[]
  split random { train: 60%  val: 20%  test: 20%  seed: 1 }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: 8  shuffle: true  workers: 0  last: drop }
}

block Net(classes: dim, hidden: dim) {
  in  image: f32[B, C, H, W]
  out logits: f32[B, classes]
  logits = image |> flatten() |> Linear(hidden) as hidden |> relu |> Linear(classes) as head
}

train tiny {
  model: Net(classes: Shapes.classes, hidden: hidden_units)
  data:  Shapes
  seed:  1
  loss { total = cross_entropy(logits, kind) }
  optimizer: adamw(lr: lr)
  stage main for ${steps} steps { }
  metrics { accuracy = accuracy(logits, kind) }
  checkpoint: [best(val.accuracy), last(every: 4 steps)]
  objective test.accuracy >= 1
${members}}
`;

/** Diagnostics with the workplace's folder, process ids and crash files left out. */
export const normalized = (text: string, place: Workplace): string =>
  text
    .replaceAll(place.path, "DIR")
    .replaceAll(/process \d+/gu, "process PID")
    .replaceAll(/\b[0-9a-f]{16}\b/gu, "ID")
    .trimEnd();

/** The events of a run, in order. */
export const eventsIn = (runDir: string): readonly Record<string, unknown>[] =>
  readFileSync(join(runDir, "events.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** The result that `--format json` prints. */
export interface PrintedResult {
  readonly status: string;
  readonly run_dir: string;
  readonly updates: number;
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly stopped: Readonly<Record<string, unknown>> | null;
  readonly weights: string;
  readonly model: string | null;
}

/** The bytes of weights and optimizer slots of a run's last checkpoint, and of its chosen weights. */
export const weightsOf = (runDir: string, weights: string): readonly string[] =>
  [
    join(runDir, "checkpoints/last/model.safetensors"),
    join(runDir, "checkpoints/last/optimizer.safetensors"),
    join(dirname(weights), "model.safetensors"),
  ].map((file) => readFileSync(file).toString("base64"));
