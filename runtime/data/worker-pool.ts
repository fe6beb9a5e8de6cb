/** The decoding threads: deals jobs to the least busy one and settles each job exactly once. */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { workerEnded, workerMissing } from "../../grammar/diagnostics/data.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { assertNever, at, InvariantError, invariant } from "../../grammar/invariant.js";
import { compiledModule } from "../compiled.js";
import { exitCodes, Fault } from "../fault.js";
import type { AssembledBatch, BatchJob } from "./assemble-batch.js";
import type { FromWorker, ToWorker, WorkerSetup } from "./worker-protocol.js";

export interface WorkerPool {
  /** Runs a job that belongs to pass number `pass`. */
  run(pass: number, job: BatchJob): Promise<AssembledBatch>;
  /** Gives up the jobs of a pass; those that have not begun never do. */
  cancel(pass: number): void;
  /** Ends all threads; jobs that are not done fail. */
  close(): Promise<void>;
}

interface Waiting {
  readonly pass: number;
  readonly resolve: (batch: AssembledBatch) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
  readonly ended: Promise<void>;
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

  const fail = (error: Error): void => {
    failure ??= error;
    for (const { waiting } of threads) {
      for (const { reject } of waiting.values()) reject(failure);
      waiting.clear();
    }
  };
  const start = (): Thread => {
    const worker = new Worker(url, { workerData: setup });
    const waiting = new Map<number, Waiting>();
    worker.on("message", (reply: FromWorker) => {
      const job = waiting.get(reply.id);
      waiting.delete(reply.id);
      if (job !== undefined) settle(job, reply);
    });
    worker.on("messageerror", fail);
    worker.on("error", (error) => fail(endOfThread(error)));
    const ended = new Promise<void>((resolve) => {
      worker.on("exit", (code) => {
        if (!closed) fail(endOfThread(new Error(`exit code ${code}`)));
        resolve();
      });
    });
    return { worker, waiting, ended };
  };
  const send = ({ worker }: Thread, message: ToWorker): void => worker.postMessage(message, []);
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
        thread.waiting.set(id, { pass, resolve, reject });
        send(thread, { kind: "job", id, pass, job });
      });
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

function endOfThread(error: unknown): Fault {
  const reason = error instanceof Error ? error.message : String(error);
  const outOfMemory =
    error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
  return new Fault(
    diagnose(workerEnded, { reason }, null),
    outOfMemory ? exitCodes.outOfMemory : exitCodes.environment,
  );
}
