/** Keeps what was read between epochs, in memory and within a budget. */

import { availableMemory } from "../memory.js";
import type { DataProgram } from "../../compiler/plan/data.js";
import type { Pass } from "./passes.js";
import type { StoredValue } from "./stored-value.js";

/** Where nothing is said: 512 MiB per process, shared by all open datasets. */
export const cacheBudget = 512 * 2 ** 20;

/** Bytes that several caches hold together; threads see the same memory. */
export interface Pool {
  bytes: number;
}

/** What all caches of this process without a budget of their own hold. */
const common: Pool = { bytes: 0 };

export interface RecordCache {
  readonly budget: number;
  /** Bytes of this cache. */
  held(): number;
  /** Whether there is room for anything more: not once something did not fit. */
  hasRoom(): boolean;
  find(pass: Pass, index: number): Readonly<Record<string, StoredValue>>;
  /** Keeps `value` if they fit, or else says `false`; what does not fit is read again next time. */
  add(pass: Pass, index: number, field: string, value: StoredValue): boolean;
  clear(): void;
}

/** An empty cache of values by pass, record and field. Only speed depends on what it holds. */
export function createRecordCache(budget = cacheBudget, pool = common): RecordCache {
  const entries = new Map<string, Record<string, StoredValue>>();
  let own = 0;
  let isFull = false;
  return {
    budget,
    held: () => own,
    hasRoom: () => !isFull && pool.bytes < budget,
    find: (pass, index) => entries.get(`${pass}:${index}`) ?? {},
    add: (pass, index, field, value) => {
      const bytes = value.bytes.byteLength;
      const key = `${pass}:${index}`;
      const entry = entries.get(key) ?? {};
      if (entry[field] !== undefined) return true;
      if (pool.bytes + bytes > budget) {
        isFull = true;
        return false;
      }
      entry[field] = value;
      entries.set(key, entry);
      pool.bytes += bytes;
      own += bytes;
      return true;
    },
    clear: () => {
      entries.clear();
      pool.bytes -= own;
      own = 0;
      isFull = false;
    },
  };
}

/**
 * The cache that a loader asks for: none to `stream`, of its own size with `memory(max: …)`, of half
 * of the free memory with `memory()` and to `preload`, and else a share of what all have.
 */
export function recordCacheOf({ cache, residency }: DataProgram["loader"]): RecordCache {
  const own = (budget: number): RecordCache => createRecordCache(budget, { bytes: 0 });
  if (residency === "stream") return own(0);
  const max = cache?.kind === "memory" ? cache.maxBytes : null;
  if (max !== null) return own(max);
  if (residency === "preload" || cache?.kind === "memory")
    return own(Math.floor(availableMemory().bytes / 2));
  return createRecordCache();
}
