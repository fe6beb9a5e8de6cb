/** `residency: preload`: a whole split in memory before its first batch. */

import type { DataProgram } from "../../compiler/plan/data.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { preloadTooLarge } from "../../grammar/diagnostics/loader.js";
import { exitCodes, Fault } from "../fault.js";
import { type AssembledBatch, cutBatches } from "./assemble-batch.js";
import { mapInOrder } from "./map-in-order.js";
import type { Pass } from "./passes.js";
import type { RecordCache } from "./record-cache.js";

export interface Preloading {
  readonly cache: RecordCache;
  /** Reads records up to their first random step. */
  readonly read: (indices: readonly number[]) => Promise<AssembledBatch>;
  readonly atOnce: number;
}

/** Faults with exit code 5 when the records do not fit. */
export async function preload(
  program: DataProgram,
  pass: Pass,
  members: readonly number[],
  { cache, read, atOnce }: Preloading,
): Promise<void> {
  let done = 0;
  await mapInOrder(cutBatches(members, program.loader.batch), atOnce, async (indices) => {
    const { fresh } = await read(indices);
    for (const { index, field, value } of fresh)
      if (!cache.add(pass, index, field, value)) throw tooLarge();
    done += indices.length;
  });

  function tooLarge(): Fault {
    const split = pass === "train_as_is" ? "train" : pass;
    const params = { split, records: members.length, read: done, held: cache.held() };
    return new Fault(
      diagnose(preloadTooLarge, { ...params, limit: cache.budget }, null),
      exitCodes.outOfMemory,
    );
  }
}
