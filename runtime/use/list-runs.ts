/** What runs there are in a folder, and how each stands. */

import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readManifest } from "../checkpoint/checkpoint.js";
import type { Progress } from "../checkpoint/progress.js";
import { Fault } from "../fault.js";
import { holderOf } from "../lock.js";
import { readResult } from "../run-result.js";

/**
 * `running`: a living process holds its lock; `finished`: it has a result; `stopped`: it was asked
 * to stop, and can go on; `failed`: a fault ended it; `killed`: it ended without a word.
 */
export type RunState = "running" | "finished" | "stopped" | "failed" | "killed";

export interface RunEntry {
  readonly folder: string;
  readonly train: string;
  readonly id: string;
  readonly state: RunState;
  /** The process that trains. */
  readonly pid: number | null;
  /** Updates made and asked for, as far as the record tells. */
  readonly updates: number | null;
  readonly of: number | null;
  /** The best value of what its checkpoints are chosen by. */
  readonly best: { readonly metric: string; readonly value: number } | null;
  /** Milliseconds since 1970 of the first and the last event. */
  readonly began: number | null;
  readonly last: number | null;
  /** The fault that ended it. */
  readonly fault: { readonly code: string; readonly message: string } | null;
  /** Bytes of all its files. */
  readonly bytes: number;
}

/** All runs below `runsDir`, by train and then by their beginning. */
export function listRuns(runsDir: string): readonly RunEntry[] {
  return foldersIn(runsDir)
    .flatMap((train) =>
      foldersIn(join(runsDir, train)).map((id) => describeRun(join(runsDir, train, id), train, id)),
    )
    .filter((entry) => entry !== null)
    .toSorted(
      (a, b) =>
        (a.train < b.train ? -1 : a.train > b.train ? 1 : 0) ||
        (a.began ?? Infinity) - (b.began ?? Infinity),
    );
}

/** One run; `null` where the folder is none. */
export function describeRun(folder: string, train: string, id: string): RunEntry | null {
  const isRun = ["plan.json", "events.jsonl"].some(
    (name) => statSync(join(folder, name), { throwIfNoEntry: false }) !== undefined,
  );
  if (!isRun) return null;
  const { first, latest } = endsOf(join(folder, "events.jsonl"));
  const pid = holderOf(folder);
  const progress = progressOf(folder);
  const isFinished = hasResult(folder);
  const end = latest.at(-1);
  const fault = latest.findLast(({ type }) => type === "failed");
  const step = latest.findLast(({ update }) => update !== undefined);
  const state: RunState =
    pid !== null
      ? "running"
      : isFinished
        ? "finished"
        : end?.type === "result"
          ? "stopped"
          : fault !== undefined
            ? "failed"
            : "killed";
  const updates = step?.update ?? progress?.update ?? null;
  return {
    folder,
    train,
    id,
    state,
    pid,
    updates,
    of: first?.updates ?? null,
    best: bestOf(folder, progress),
    began: first?.time ?? null,
    last: end?.time ?? null,
    fault:
      state === "failed" && fault?.code !== undefined
        ? { code: fault.code, message: fault.message ?? "" }
        : null,
    bytes: bytesIn(folder),
  };
}

const foldersIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map(({ name }) => name);
  } catch {
    return [];
  }
};

/** A damaged result is none that a run has finished with. */
function hasResult(folder: string): boolean {
  try {
    return readResult(folder) !== null;
  } catch (error) {
    if (error instanceof Fault) return false;
    throw error;
  }
}

function progressOf(folder: string): Progress | null {
  try {
    return readManifest(join(folder, "checkpoints", "last")).progress;
  } catch (error) {
    if (error instanceof Fault) return null;
    throw error;
  }
}

const bestPolicy = z.object({
  checkpoint: z.object({ best: z.object({ metric: z.string() }).nullable() }),
});

function bestOf(folder: string, progress: Progress | null): RunEntry["best"] {
  const [best] = progress?.best ?? [];
  if (best === undefined) return null;
  const policy = bestPolicy.safeParse(parsed(wholeText(join(folder, "plan.json"))));
  const metric = policy.success ? policy.data.checkpoint.best?.metric : undefined;
  return metric === undefined ? null : { metric, value: best.value };
}

const looseEvent = z.looseObject({
  type: z.string(),
  time: z.number(),
  /** Of an update, a validation or a checkpoint. */
  update: z.number().optional(),
  /** Of the first event: all that are to be made. */
  updates: z.number().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
});
type LooseEvent = z.infer<typeof looseEvent>;

/** Enough of either end of the record: a run of weeks has millions of lines. */
const endBytes = 64 * 1024;

/** The first event, and the last ones; a line that was cut is passed over. */
function endsOf(file: string): {
  readonly first: LooseEvent | null;
  readonly latest: readonly LooseEvent[];
} {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch {
    return { first: null, latest: [] };
  }
  try {
    const { size } = fstatSync(descriptor);
    const read = (from: number, length: number): string => {
      const buffer = Buffer.alloc(length);
      return buffer.toString("utf8", 0, readSync(descriptor, buffer, 0, length, from));
    };
    const head = read(0, Math.min(size, endBytes)).split("\n")[0] ?? "";
    const tail = read(Math.max(0, size - endBytes), Math.min(size, endBytes)).split("\n");
    return { first: eventOf(head), latest: tail.map(eventOf).filter((each) => each !== null) };
  } finally {
    closeSync(descriptor);
  }
}

function eventOf(line: string): LooseEvent | null {
  const event = looseEvent.safeParse(parsed(line));
  return event.success ? event.data : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function wholeText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Links are counted as nothing: what they lead to lies in the same folder. */
function bytesIn(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile())
      bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
}
