/** Values up to the first random transform: kept in memory, on disk, or made from the record. */

import type { DataProgram } from "../../compiler/plan/data.js";
import { type CacheReport, type DiskCacheSetup, openDiskCache } from "./disk-cache.js";
import { leavesOf } from "./list-records.js";
import {
  asItIs,
  asKept,
  type Packing,
  restored,
  type StoredValue,
  stored,
} from "./stored-value.js";
import type { FitResult } from "./transforms/rescale.js";
import type { Value } from "./value.js";
import { keyOf, type Wanted } from "./value-identity.js";

export interface ValueStore {
  /** How values are kept, which every epoch sees. */
  readonly packing: Packing;
  /** Whether values go through it even where memory keeps none. */
  readonly keeps: boolean;
  /** The value that was kept, or else as `make` gives it. */
  valueOf(
    wanted: Wanted,
    kept: StoredValue | undefined,
    make: () => Promise<Value>,
  ): Promise<Value>;
  /** What happened on the disk since it was last asked. */
  report(): CacheReport | null;
}

/** A store of one thread. Only what the cache rounds floats to depends on it, and time. */
export function createValueStore(
  program: DataProgram,
  fits: ReadonlyMap<string, FitResult>,
  setup: DiskCacheSetup | null,
): ValueStore {
  const { cache } = program.loader;
  const packing: Packing = cache ?? asItIs;
  const disk = setup === null ? null : openDiskCache(setup);
  const leaves = leavesOf(program.source);
  return {
    packing,
    keeps: disk !== null || (packing.dtype !== null && packing.dtype !== "u8"),
    valueOf: async (wanted, kept, make) => {
      if (kept !== undefined) return restored(kept);
      if (disk === null) return asKept(await make(), packing);
      const key = keyOf(leaves, wanted, fits, packing);
      const found = disk.find(key);
      if (found !== null) return restored(found);
      const value = asKept(await make(), packing);
      disk.add(key, stored(value, packing));
      return value;
    },
    report: () => disk?.report() ?? null,
  };
}

/** What memory keeps of a value: packed where the cache is in memory, narrowed in any case. */
export const inMemory = (value: Value, { loader: { cache } }: DataProgram): StoredValue =>
  stored(value, {
    dtype: cache?.dtype ?? null,
    compress: cache?.kind === "memory" ? cache.compress : 0,
  });
