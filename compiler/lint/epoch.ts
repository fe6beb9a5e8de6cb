/** How many updates an epoch has, where that follows from the program alone. */

import type { DatasetProgram } from "../plan/dataset.js";

/**
 * Batches of the train split per epoch: known where the source says how many records there are and
 * the split deals single ones; `null` where only the data say it.
 */
export function batchesPerEpoch({ source, split, loader }: DatasetProgram): number | null {
  if (source.kind !== "synthetic" || !("by" in split) || split.by !== null) return null;
  const records = Math.round(source.count * split.train);
  const batches = records / loader.batch;
  return loader.last === "pad" ? Math.ceil(batches) : Math.max(1, Math.floor(batches));
}
