/** Keeps what was read between epochs, within one budget for the whole process. */

import type { Pass } from "./passes.js";
import type { Value } from "./value.js";

/** 512 MiB per process, shared by all open datasets; threads see the same memory. */
export const cacheBudget = 512 * 2 ** 20;

/** Bytes that all caches of this process hold together. */
const held = { bytes: 0 };

export interface RecordCache {
  /** Whether there is room for anything more. */
  hasRoom(): boolean;
  find(pass: Pass, index: number): Readonly<Record<string, Value>>;
  /** Keeps `value` if they fit; what does not fit is decoded again next time. */
  add(pass: Pass, index: number, field: string, value: Value): void;
  clear(): void;
}

/** An empty cache of values by pass, record and field. Only speed depends on what it holds. */
export function createRecordCache(budget = cacheBudget): RecordCache {
  const entries = new Map<string, Record<string, Value>>();
  let own = 0;
  return {
    hasRoom: () => held.bytes < budget,
    find: (pass, index) => entries.get(`${pass}:${index}`) ?? {},
    add: (pass, index, field, value) => {
      const bytes = value.data.byteLength;
      const key = `${pass}:${index}`;
      const entry = entries.get(key) ?? {};
      if (held.bytes + bytes > budget || entry[field] !== undefined) return;
      entry[field] = value;
      entries.set(key, entry);
      held.bytes += bytes;
      own += bytes;
    },
    clear: () => {
      entries.clear();
      held.bytes -= own;
      own = 0;
    },
  };
}
