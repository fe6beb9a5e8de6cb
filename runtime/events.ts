/** The run's record: one JSON object per line, each step exactly once over all interruptions. */

import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from "node:fs";
import { diagnose } from "../grammar/diagnostic.js";
import { eventsMissing } from "../grammar/diagnostics/run.js";
import { explained } from "./atomic-file.js";
import type { Stopped } from "./checkpoint/progress.js";
import type { ExecutorName } from "./executor/executor.js";
import { exitCodes, Fault } from "./fault.js";
import type { RunResult } from "./run-result.js";
import type { Table } from "./metrics/table.js";
import type { StartReport } from "./starting-state.js";

export type Values = Readonly<Record<string, number>>;
/** `null` where a metric is undefined. */
export type MetricValues = Readonly<Record<string, number | null>>;

/** A process took the run up, from its beginning or from a checkpoint. */
export interface RunStarted {
  readonly type: "run";
  readonly train: string;
  readonly run_dir: string;
  /** The update whose checkpoint the run continues from; `null` for a new run. */
  readonly resumed_from: number | null;
  readonly updates: number;
  /** In the first stage. */
  readonly batches_per_epoch: number;
  readonly stages: readonly { readonly name: string; readonly updates: number }[];
  readonly records: Readonly<Record<"train" | "val" | "test", number>>;
  /** Learned numbers, all parameters together. */
  readonly parameters: number;
  readonly device: string;
  /** What ran the graphs. */
  readonly executor: ExecutorName;
  readonly threads: number;
  readonly pid: number;
}

/** What a new run's weights come from, where rules of `init` read any. */
export interface WeightsBegun extends StartReport {
  readonly type: "weights";
}

/** One update. */
export interface StepMade {
  readonly type: "step";
  /** Counted from 1 over the whole run. */
  readonly update: number;
  /** Counted from 1 over the whole run. */
  readonly epoch: number;
  readonly stage: string;
  /** The named losses on this batch; the minimized one is the last. */
  readonly losses: Values;
  readonly schedules: Values;
  /** The norm of all gradients before they were clipped, where the stage clips by it. */
  readonly grad_norm?: number;
  /** Whether the norm was above `skip_above`, so that the update left all that learns as it was. */
  readonly skipped?: boolean;
  /** Time in the graphs, and time spent waiting for the batch. */
  readonly step_ms: number;
  readonly data_ms: number;
  /** Resident bytes of the process. */
  readonly rss: number;
}

export interface Validated {
  readonly type: "validation";
  readonly split: "val" | "test";
  /** Updates made before. */
  readonly update: number;
  readonly stage: string;
  /** `val.loss`, `val.accuracy`, …. */
  readonly metrics: MetricValues;
  /** Metrics of several numbers, as lists by axis. */
  readonly tables: Readonly<Record<string, Table>>;
  readonly ms: number;
}

export interface CheckpointWritten {
  readonly type: "checkpoint";
  readonly update: number;
  readonly folder: string;
  /** Whether it is now the best one. */
  readonly best: boolean;
}

export interface StageFinished {
  readonly type: "stage";
  readonly stage: string;
  readonly update: number;
  /** Means over the stage's last epoch, as far as it ran. */
  readonly losses: Values;
}

/** A rule has ended the run before its last update. */
export interface StoppedEarly {
  readonly type: "stopped";
  readonly rule: Stopped["rule"];
  readonly stage: string;
  readonly update: number;
  /** What had not gained for long enough, its best value and the update of that. */
  readonly metric: string;
  readonly best: number | null;
  readonly since: number;
}

export interface Warned {
  readonly type: "warning";
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly update: number;
}

export interface ResultReached {
  readonly type: "result";
  readonly result: RunResult;
}

/** A fault has ended the process that trained; the last event until the run is taken up again. */
export interface RunFailed {
  readonly type: "failed";
  /** Of the diagnostic. */
  readonly code: string;
  readonly message: string;
  /** With which the command ends. */
  readonly exit_code: number;
}

export type RunEventBody =
  | RunStarted
  | WeightsBegun
  | StepMade
  | Validated
  | CheckpointWritten
  | StageFinished
  | StoppedEarly
  | Warned
  | RunFailed
  | ResultReached;

/** `time`: milliseconds since 1970; nothing that is reproduced bit for bit depends on it. */
export type RunEvent = RunEventBody & { readonly time: number };

export interface EventLog {
  /** Bytes in the file. */
  readonly bytes: () => number;
  readonly append: (event: RunEventBody) => RunEvent;
  /** Waits until the disk has everything. */
  readonly sync: () => void;
  readonly close: () => void;
}

/** The events of a log, as this version writes them. */
export const readEvents = (file: string): readonly RunEvent[] =>
  readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line): RunEvent => JSON.parse(line));

/** Opens the file and forgets everything after `keep` bytes; faults when it is shorter than that. */
export function openEventLog(file: string, keep: number): EventLog {
  const found = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (found < keep)
    throw new Fault(
      diagnose(eventsMissing, { file, expected: keep, found }, null),
      exitCodes.environment,
    );
  const descriptor = explained(file, () => openSync(file, found === 0 ? "w" : "r+"));
  ftruncateSync(descriptor, keep);
  let length = keep;
  return {
    bytes: () => length,
    append: (body) => {
      const event = { ...body, time: Date.now() };
      const line = Buffer.from(`${JSON.stringify(event)}\n`);
      explained(file, () => {
        for (let from = 0; from < line.byteLength;)
          from += writeSync(descriptor, line, from, line.byteLength - from, length + from);
      });
      length += line.byteLength;
      return event;
    },
    sync: () => explained(file, () => fsyncSync(descriptor)),
    close: () => closeSync(descriptor),
  };
}
