/** The thread that reads batches: takes jobs in turn and answers each exactly once. */

import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { setImmediate as nextTurn } from "node:timers/promises";
import { invariant } from "../../grammar/invariant.js";
import { Fault } from "../fault.js";
import { assembleBatch, movedWith } from "./assemble-batch.js";
import { configureDecoder } from "./decode-image.js";
import { createRecordReader } from "./read-record.js";
import { createSpareMemory } from "./spare-memory.js";
import { createValueStore } from "./value-store.js";
import type { FromWorker, ToWorker, WorkerSetup } from "./worker-protocol.js";

type Job = Extract<ToWorker, { kind: "job" }>;

if (!isMainThread) serve(workerData);

function serve(setup: WorkerSetup): void {
  const { program, seed, frameBytes, fits = new Map(), cache = null } = setup;
  const port = parentPort;
  invariant(port !== null, "a worker has a parent");
  configureDecoder();
  const store = createValueStore(program, fits, cache);
  const reader = createRecordReader(program, seed, frameBytes, fits, store);
  const memory = createSpareMemory();
  const place = new Int32Array(setup.at ?? new SharedArrayBuffer(4));
  const reading = { reader, store, memory, place };
  const jobs: Job[] = [];
  let working = false;
  let closing = false;

  const answer = async ({ id, job }: Job): Promise<void> => {
    try {
      const batch = await assembleBatch(program, reading, job);
      const reply: FromWorker = { kind: "done", id, batch };
      port.postMessage(reply, movedWith(batch));
    } catch (error) {
      port.postMessage(failure(id, error));
    }
  };
  const work = async (): Promise<void> => {
    working = true;
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      await answer(job);
      // Lets a cancel or close that arrived meanwhile through before the next job.
      await nextTurn();
    }
    working = false;
    if (closing) port.close();
  };

  port.on("message", (message: ToWorker) => {
    switch (message.kind) {
      case "job":
        jobs.push(message);
        if (!working) void work();
        return;
      case "release":
        memory.give(message.buffers);
        return;
      case "cancel":
        for (const { id } of jobs.filter((job) => job.pass === message.pass))
          port.postMessage({ kind: "canceled", id } satisfies FromWorker);
        jobs.splice(0, jobs.length, ...jobs.filter((job) => job.pass !== message.pass));
        return;
      case "close":
        closing = true;
        jobs.length = 0;
        if (!working) port.close();
    }
  });
}

function failure(id: number, error: unknown): FromWorker {
  if (error instanceof Fault)
    return { kind: "fault", id, diagnostic: error.diagnostic, exitCode: error.exitCode };
  const { message, stack = "" } = error instanceof Error ? error : new Error(String(error));
  return { kind: "bug", id, message, stack };
}
