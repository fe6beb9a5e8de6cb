/** The decoding threads: deals jobs to the least busy one and settles each job exactly once. */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { workerEnded, workerMissing } from "../../grammar/diagnostics/data.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { assertNever, at, InvariantError, invariant } from "../../grammar/invariant.js";
import { compiledModule } from "../compiled.js";
import { exitCodes, Fault } from "../fault.js";
import { type AssembledBatch, type BatchJob, buffersOf, movedWith } from "./assemble-batch.js";
import { placeOf } from "./template.js";
import type { FromWorker, ToWorker, WorkerSetup } from "./worker-protocol.js";

export interface WorkerPool {
  /** Runs a job that belongs to pass number `pass`. */
  run(pass: number, job: BatchJob): Promise<AssembledBatch>;
  /** Takes back the memory of a batch that is used, for later ones. */
  release(batch: AssembledBatch): void;
  /** Gives up the jobs of a pass; those that have not begun never do. */
  cancel(pass: number): void;
  /** Ends all threads; jobs that are not done fail. */
  close(): Promise<void>;
}

interface Waiting {
  readonly pass: number;
  readonly job: BatchJob;
  readonly resolve: (batch: AssembledBatch) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
  readonly ended: Promise<void>;
  /** The record that it reads, by its place in the first job that waits. */
  readonly place: Int32Array;
}

/** How long a thread may take to end on its own before it is stopped. */
const graceMs = 5_000;

/** Starts `count` threads. A thread that ends or fails makes all of its jobs, and later ones, fail. */
export function createWorkerPool(
  count: number,
  setup: WorkerSetup,
  url = compiledModule("runtime/data/decode-worker.js"),
): WorkerPool {
  const file = fileURLToPath(url);
  if (!existsSync(file))
    throw new Fault(diagnose(workerMissing, { file }, null), exitCodes.environment);
  let failure: Error | null = null;
  let closed = false;
  let nextId = 0;
  let released = 0;

  const fail = (error: Error): void => {
    failure ??= error;
    for (const { waiting } of threads) {
      for (const { reject } of waiting.values()) reject(failure);
      waiting.clear();
    }
  };
  const start = (): Thread => {
    const place = new Int32Array(new SharedArrayBuffer(4));
    const workerData: WorkerSetup = { ...setup, at: place.buffer };
    const worker = new Worker(url, { workerData });
    const waiting = new Map<number, Waiting>();
    const ending = (reason: unknown): void => fail(endOfThread(reason, recordOf(waiting, place)));
    worker.on("message", (reply: FromWorker) => {
      const job = waiting.get(reply.id);
      waiting.delete(reply.id);
      if (job !== undefined) settle(job, reply);
    });
    worker.on("messageerror", fail);
    worker.on("error", ending);
    const ended = new Promise<void>((resolve) => {
      worker.on("exit", (code) => {
        if (!closed) ending(new Error(`exit code ${code}`));
        resolve();
      });
    });
    return { worker, waiting, ended, place };
  };
  const send = ({ worker }: Thread, message: ToWorker, moved: ArrayBuffer[] = []): void =>
    worker.postMessage(message, moved);
  const threads: readonly Thread[] = Array.from({ length: count }, start);

  return {
    run: (pass, job) => {
      if (failure !== null) return Promise.reject(failure);
      invariant(!closed, "the dataset is closed");
      const thread = threads.reduce(
        (a, b) => (b.waiting.size < a.waiting.size ? b : a),
        at(threads, 0),
      );
      const id = nextId++;
      return new Promise((resolve, reject) => {
        thread.waiting.set(id, { pass, job, resolve, reject });
        send(thread, { kind: "job", id, pass, job });
      });
    },
    release: (batch) => {
      if (closed || failure !== null) return;
      const message = { kind: "release", buffers: buffersOf(batch) } as const;
      send(at(threads, released++ % count), message, movedWith(batch));
    },
    cancel: (pass) => {
      if (closed || failure !== null) return;
      for (const thread of threads)
        if ([...thread.waiting.values()].some((job) => job.pass === pass))
          send(thread, { kind: "cancel", pass });
    },
    close: async () => {
      if (!closed) {
        closed = true;
        fail(new InvariantError("the dataset was closed while a batch was being read"));
        for (const thread of threads) send(thread, { kind: "close" });
      }
      await Promise.all(threads.map(endThread));
    },
  };
}

function settle(job: Waiting, reply: FromWorker): void {
  switch (reply.kind) {
    case "done":
      return job.resolve(reply.batch);
    case "fault":
      return job.reject(new Fault(reply.diagnostic, reply.exitCode));
    case "bug": {
      const error = new InvariantError(reply.message);
      error.stack = reply.stack;
      return job.reject(error);
    }
    case "canceled":
      return job.reject(new InvariantError("the pass was given up"));
    default:
      return assertNever(reply);
  }
}

async function endThread({ worker, ended }: Thread): Promise<void> {
  // A thread that hangs in native code must not keep the process from ending.
  const timer = setTimeout(() => void worker.terminate(), graceMs);
  await ended;
  clearTimeout(timer);
}

/** What a thread was reading, as messages name it; `null` between jobs. */
function recordOf(waiting: ReadonlyMap<number, Waiting>, place: Int32Array): string | null {
  const [first] = waiting.values();
  const { requests = [] } = first?.job ?? {};
  const record = requests[Atomics.load(place, 0)]?.record ?? requests[0]?.record;
  return record === undefined ? null : placeOf(record);
}

function endOfThread(error: unknown, record: string | null): Fault {
  const reason = error instanceof Error ? error.message : String(error);
  const outOfMemory =
    error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
  return new Fault(
    diagnose(workerEnded, { reason, record }, null, record === null ? {} : { place: record }),
    outOfMemory ? exitCodes.outOfMemory : exitCodes.environment,
  );
}
