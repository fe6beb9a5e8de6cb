/** What a dataset keeps on disk between runs: filled before one, measured, cleared. */

import { readdirSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { DataProgram } from "../../compiler/plan/data.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { defaultCacheDir, type OpenOptions, openDataset } from "../data/open-dataset.js";
import { splitNames } from "../data/split.js";

/** Where the entries of a dataset lie. */
export const cacheFolderOf = (program: DataProgram, cacheDir = defaultCacheDir): string =>
  join(resolve(cacheDir), program.name);

/** Files and their bytes; both 0 where nothing is kept. */
export function cacheSize(folder: string): { readonly entries: number; readonly bytes: number } {
  let entries = 0;
  let bytes = 0;
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      entries++;
      bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
    }
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  return { entries, bytes };
}

/** Removes all entries; a run that uses them reads its files again. */
export const clearCache = (folder: string): void =>
  rmSync(folder, { recursive: true, force: true });

/**
 * Reads every record of every split once, as training and evaluation do, so that a run finds all
 * values kept. Gives what the data and the cache have to say.
 */
export async function fillCache(
  program: DataProgram,
  options: OpenOptions,
  onProgress: (done: number, all: number) => void,
): Promise<readonly Diagnostic[]> {
  // What training drops of an epoch is another record in the next.
  const loader = { ...program.loader, last: "pad", shuffle: false } as const;
  const dataset = await openDataset({ ...program, loader }, options);
  try {
    const all = splitNames.reduce((sum, split) => sum + dataset.size(split), 0);
    let done = 0;
    for (const split of splitNames) {
      if (dataset.size(split) === 0) continue;
      const batches =
        split === "train" ? dataset.trainBatches(0, 0) : dataset.evaluationBatches(split);
      for await (const { count } of batches) onProgress((done += count), all);
    }
    return [...(dataset.warnings ?? []), ...(dataset.notices?.() ?? [])];
  } finally {
    await dataset.close();
  }
}
