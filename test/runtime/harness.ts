/** Runs the hand-made artifact in this process, with crashes wherever a test wants them. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFiles, type FileHook } from "../../runtime/atomic-file.js";
import type { RunEvent } from "../../runtime/events.js";
import { openExecutor } from "../../runtime/executor/open-executor.js";
import type { RunOptions } from "../../runtime/run-options.js";
import type { RunResult } from "../../runtime/run-result.js";
import { runHere } from "../../runtime/train/run-training.js";
import { type Faults, openTiny } from "./memory-dataset.js";

/** Stands for a kill: nothing in the runtime may catch it and go on. */
export class Crash extends Error {
  override readonly name = "Crash";
}

export interface Behavior {
  /** Crashes after this update's work is done. */
  readonly crashAfter?: number;
  /** Asks to stop after this update. */
  readonly stopAfter?: number;
  readonly fileHook?: FileHook;
  readonly faults?: Faults;
  readonly events?: RunEvent[];
}

export async function run(
  options: Partial<RunOptions> & Pick<RunOptions, "artifact" | "runsDir">,
  behavior: Behavior = {},
): Promise<RunResult> {
  let stop = false;
  return runHere(
    {
      threads: 1,
      device: "cpu",
      executor: "session",
      from: null,
      mode: "resume",
      graphs: "kernels",
      ignoreMemory: false,
      ...options,
    },
    {
      openDataset: (program, { seed }) => openTiny(program, { seed }, behavior.faults),
      openExecutor,
      onEvent: (event) => behavior.events?.push(event),
      shouldStop: () => stop,
      afterUpdate: (update) => {
        if (update === behavior.crashAfter) throw new Crash(`after update ${update}`);
        if (update === behavior.stopAfter) stop = true;
      },
      files: createFiles(behavior.fileHook),
    },
  );
}

/** A folder of its own, removed afterwards; in memory where possible, for tests sync it often. */
export function temporaryFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "saic-runtime-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** The events of a run directory, without what is measured by clocks. */
export function eventsOf(runDir: string): readonly Record<string, unknown>[] {
  return readFileSync(join(runDir, "events.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const {
        time: _time,
        step_ms: _step,
        data_ms: _data,
        ms: _ms,
        rss: _rss,
        ...rest
      } = JSON.parse(line);
      return rest;
    });
}

/** What must be the same however often a run was interrupted. */
export function outcomeOf(result: RunResult): unknown {
  const last = join(result.run_dir, "checkpoints", "last");
  const { run_dir: _dir, weights, ...rest } = result;
  return {
    result: rest,
    weights: encoded(weights),
    model: encoded(join(last, "model.safetensors")),
    optimizer: encoded(join(last, "optimizer.safetensors")),
    steps: eventsOf(result.run_dir).filter(({ type }) => type !== "run" && type !== "result"),
  };
}

const encoded = (file: string): string => readFileSync(file).toString("base64");
