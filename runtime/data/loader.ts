/** Streams batches in a fixed order, read ahead by threads or in the calling thread. */

import type { DataProgram } from "../../compiler/plan/data.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { invariant } from "../../grammar/invariant.js";
import {
  type AssembledBatch,
  assembleBatch,
  type BatchJob,
  buffersOf,
  requestsFor,
  validity,
} from "./assemble-batch.js";
import { createCacheNotices } from "./cache-notices.js";
import type { Batch } from "./dataset.js";
import { configureDecoder } from "./decode-image.js";
import { type DiskCacheSetup, diskCacheSetup } from "./disk-cache.js";
import type { Fits } from "./fits.js";
import type { HostTensor } from "../tensor.js";
import type { Pass } from "./passes.js";
import { preload } from "./preload.js";
import { createRecordReader } from "./read-record.js";
import type { DataRecord } from "./record.js";
import { recordCacheOf } from "./record-cache.js";
import { createSpareMemory, type MemoryKind } from "./spare-memory.js";
import { createValueStore } from "./value-store.js";
import { createWorkerPool, type WorkerPool } from "./worker-pool.js";
import type { WorkerSetup } from "./worker-protocol.js";

export interface Loader {
  /** One batch per list of record indices, in order. */
  stream(
    pass: Pass,
    epoch: number,
    batches: readonly (readonly number[])[],
  ): AsyncGenerator<Batch, void, undefined>;
  /** What the cache has to say since it was last asked. */
  notices(): readonly Diagnostic[];
  close(): Promise<void>;
}

export interface LoaderOptions {
  readonly seed: number;
  readonly workers: number;
  readonly fits: Fits;
  /** The records of a pass, all of them. */
  readonly membersOf: (pass: Pass) => readonly number[];
  /** The dataset's folder of the cache on disk. */
  readonly cacheFolder: string;
  /** Where batches lie, if their user gives them up: not every executor reads shared memory. */
  readonly batches: MemoryKind;
  /** The compiled thread, in its stead. */
  readonly worker?: URL | undefined;
}

/** Decoded frames that all threads together hold on to, beside the cache of records. */
const frameBudget = 64 * 2 ** 20;
/** Batches under way or waiting to be taken, per thread, where `prefetch` does not say. */
const aheadPerWorker = 2;

/**
 * Reads `records` in `workers` threads, started at the first batch, or in the calling thread for
 * 0. Values up to the first random step are kept for later epochs as `cache` and `residency` say.
 * Order and content of batches depend on none of them.
 */
export function createLoader(
  program: DataProgram,
  records: readonly DataRecord[],
  options: LoaderOptions,
): Loader {
  const { workers, membersOf, cacheFolder } = options;
  const { cache: asked, residency, prefetch } = program.loader;
  const cache = recordCacheOf(program.loader);
  const notices = createCacheNotices(program.name);
  const disk = asked?.kind === "disk" ? diskCacheSetup(cacheFolder, asked.maxBytes ?? 0) : null;
  const threads = createReading(program, options, disk);
  const limit = prefetch === undefined ? Math.max(1, aheadPerWorker * workers) : prefetch + 1;
  const preloaded = new Set<Pass>();
  const lent = { count: 0 };
  let passes = 0;
  let closed = false;

  const request = async (
    number: number,
    pass: Pass,
    epoch: number | null,
    { indices, memory }: { readonly indices: readonly number[]; readonly memory: MemoryKind },
  ): Promise<AssembledBatch> => {
    const requests = requestsFor(indices, records, (index) => cache.find(pass, index));
    // What is read to be kept comes back even where there is no room, which is then a fault.
    const keep = epoch === null || cache.hasRoom();
    const batch = await threads.run(number, { pass, epoch, requests, keep, memory });
    if (batch.cache !== null) notices.add(batch.cache);
    return batch;
  };

  return {
    async *stream(pass, epoch, batches) {
      invariant(!closed, "the dataset is closed");
      const number = passes++;
      const ahead: Promise<Batch>[] = [];
      let next = 0;
      const take = async (indices: readonly number[]): Promise<Batch> => {
        // The collector knows nothing of shared memory: only so much is ever left to it.
        const canShare = options.batches === "shared" && workers > 0;
        const memory = canShare && lent.count < limit + 2 ? "shared" : "own";
        const isLent = memory === "shared";
        if (isLent) lent.count++;
        const giveBack = (): void => {
          if (isLent) lent.count--;
        };
        const reading = request(number, pass, epoch, { indices, memory });
        reading.catch(giveBack);
        const batch = await reading;
        if (!closed)
          for (const { index, field, value } of batch.fresh) cache.add(pass, index, field, value);
        return toBatch(program, batch, indices.length, () => {
          giveBack();
          threads.release(batch);
        });
      };
      try {
        if (residency === "preload" && !preloaded.has(pass)) {
          preloaded.add(pass);
          await preload(program, pass, membersOf(pass), {
            cache,
            read: (indices) => request(number, pass, null, { indices, memory: "own" }),
            atOnce: limit,
          });
        }
        for (let taken = 0; taken < batches.length; taken++) {
          while (next < batches.length && ahead.length < limit) {
            const pending = take(batches[next++] ?? []);
            // A later batch may fail while an earlier one is still being used.
            pending.catch(() => {});
            ahead.push(pending);
          }
          const first = ahead.shift();
          invariant(first !== undefined, "a batch is under way");
          yield await first;
        }
      } finally {
        threads.cancel(number);
        notices.endPass();
        // Nobody has seen what was read ahead.
        for (const pending of ahead)
          pending.then(
            ({ release }) => release?.(),
            () => {},
          );
      }
    },
    notices: () => notices.take(),
    close: async () => {
      closed = true;
      cache.clear();
      await threads.close();
    },
  };
}

/** Threads, or the calling thread in their place. */
function createReading(
  program: DataProgram,
  { seed, workers, fits, worker }: LoaderOptions,
  cache: DiskCacheSetup | null,
): WorkerPool {
  configureDecoder();
  if (workers === 0) {
    const store = createValueStore(program, fits, cache);
    const reader = createRecordReader(program, seed, frameBudget, fits, store);
    const memory = createSpareMemory();
    return {
      run: (_, job: BatchJob): Promise<AssembledBatch> =>
        assembleBatch(program, { reader, store, memory }, job),
      release: (batch) => memory.give(buffersOf(batch)),
      cancel: () => {},
      close: () => Promise.resolve(),
    };
  }
  let pool: WorkerPool | null = null;
  const frameBytes = Math.floor(frameBudget / workers);
  const setup: WorkerSetup = { program, seed, frameBytes, fits, cache };
  return {
    run: (number, job) => (pool ??= createWorkerPool(workers, setup, worker)).run(number, job),
    release: (batch) => pool?.release(batch),
    cancel: (number) => pool?.cancel(number),
    close: async () => pool?.close(),
  };
}

function toBatch(
  program: DataProgram,
  { fields: read }: AssembledBatch,
  count: number,
  giveUp: () => void,
): Batch {
  const { batch } = program.loader;
  const fields = new Map(
    program.outputs.map(({ name, dtype, shape }): [string, HostTensor] => {
      const data = read[name];
      invariant(data !== undefined, `no field ${name} was read`);
      return [name, { dtype, shape: [batch, ...shape], data }];
    }),
  );
  return {
    fields,
    valid: validity(count, batch),
    count,
    release: () => {
      if (fields.size === 0) return;
      fields.clear();
      giveUp();
    },
  };
}
