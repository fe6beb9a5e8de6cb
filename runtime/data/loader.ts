/** Streams batches in a fixed order, read ahead by threads or in the calling thread. */

import type { DataProgram } from "../../compiler/plan/data.js";
import { invariant } from "../../grammar/invariant.js";
import {
  type AssembledBatch,
  assembleBatch,
  type BatchJob,
  requestsFor,
  validity,
} from "./assemble-batch.js";
import type { Batch } from "./dataset.js";
import { configureDecoder } from "./decode-image.js";
import type { Fits } from "./fits.js";
import type { Pass } from "./passes.js";
import { createRecordReader } from "./read-record.js";
import type { DataRecord } from "./record.js";
import { createRecordCache } from "./record-cache.js";
import { createWorkerPool, type WorkerPool } from "./worker-pool.js";

export interface Loader {
  /** One batch per list of record indices, in order. */
  stream(
    pass: Pass,
    epoch: number,
    batches: readonly (readonly number[])[],
  ): AsyncGenerator<Batch, void, undefined>;
  close(): Promise<void>;
}

/** Decoded frames that all threads together hold on to, beside the cache of records. */
const frameBudget = 64 * 2 ** 20;
/** Batches under way or waiting to be taken, per thread. */
const aheadPerWorker = 2;

/**
 * Reads `records` in `workers` threads, started at the first batch, or in the calling thread for
 * 0. Values up to the first random step are kept for later epochs within `cacheBudget`. Order and
 * content of batches depend on neither.
 */
export function createLoader(
  program: DataProgram,
  records: readonly DataRecord[],
  options: { readonly seed: number; readonly workers: number; readonly fits: Fits },
): Loader {
  const { seed, workers, fits } = options;
  const cache = createRecordCache();
  const reading = createReading(program, seed, workers, fits);
  let passes = 0;
  let closed = false;

  const request = async (
    number: number,
    pass: Pass,
    epoch: number,
    indices: readonly number[],
  ): Promise<Batch> => {
    const requests = requestsFor(indices, records, (index) => cache.find(pass, index));
    const job = { pass, epoch, requests, keep: cache.hasRoom() };
    const batch = await reading.run(number, job);
    if (!closed)
      for (const { index, field, value } of batch.fresh) cache.add(pass, index, field, value);
    return toBatch(program, batch, indices.length);
  };

  return {
    async *stream(pass, epoch, batches) {
      invariant(!closed, "the dataset is closed");
      const number = passes++;
      const ahead: Promise<Batch>[] = [];
      let next = 0;
      try {
        for (let taken = 0; taken < batches.length; taken++) {
          while (next < batches.length && ahead.length < Math.max(1, aheadPerWorker * workers)) {
            const pending = request(number, pass, epoch, batches[next++] ?? []);
            // A later batch may fail while an earlier one is still being used.
            pending.catch(() => {});
            ahead.push(pending);
          }
          const first = ahead.shift();
          invariant(first !== undefined, "a batch is under way");
          yield await first;
        }
      } finally {
        reading.cancel(number);
      }
    },
    close: async () => {
      closed = true;
      cache.clear();
      await reading.close();
    },
  };
}

/** Threads, or the calling thread in their place. */
function createReading(
  program: DataProgram,
  seed: number,
  workers: number,
  fits: Fits,
): WorkerPool {
  configureDecoder();
  if (workers === 0) {
    const reader = createRecordReader(program, seed, frameBudget, fits);
    return {
      run: (_, job: BatchJob): Promise<AssembledBatch> => assembleBatch(program, reader, job),
      cancel: () => {},
      close: () => Promise.resolve(),
    };
  }
  let pool: WorkerPool | null = null;
  const setup = { program, seed, frameBytes: Math.floor(frameBudget / workers), fits };
  return {
    run: (number, job) => (pool ??= createWorkerPool(workers, setup)).run(number, job),
    cancel: (number) => pool?.cancel(number),
    close: async () => pool?.close(),
  };
}

function toBatch(program: DataProgram, { fields }: AssembledBatch, count: number): Batch {
  const { batch } = program.loader;
  return {
    fields: new Map(
      program.outputs.map(({ name, dtype, shape }) => {
        const data = fields[name];
        invariant(data !== undefined, `no field ${name} was read`);
        return [name, { dtype, shape: [batch, ...shape], data }];
      }),
    ),
    valid: validity(count, batch),
    count,
  };
}
