/**
 * Values on the disk, shared by runs and threads: verified when they are read, written aside and
 * renamed, and the ones used longest ago removed first where they outgrow their budget.
 */

import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import { type FileHook, makeFolders, refusalOf } from "../atomic-file.js";
import { readEntry, writtenEntry } from "./cache-entry.js";
import type { StoredValue } from "./stored-value.js";

/** What threads of one process know of a cache; plain data and shared memory. */
export interface DiskCacheSetup {
  /** The dataset's folder. */
  readonly folder: string;
  readonly maxBytes: number;
  readonly shared: SharedArrayBuffer;
}

/** What happened since it was last asked. */
export interface CacheReport {
  /** Entries that were damaged and removed, and the last of their files. */
  readonly damaged: number;
  readonly file: string | null;
  /** Why no more entries are written. */
  readonly refused: { readonly file: string; readonly reason: string } | null;
}

export interface DiskCache {
  /** The value under a key; one whose file is damaged is removed, counted and not found. */
  find(key: string): StoredValue | null;
  /** Writes a value, or remembers that it cannot be written; a failure never throws. */
  add(key: string, value: StoredValue): void;
  report(): CacheReport | null;
}

/** Of `shared`: the lock, whether writing was given up, and the bytes in the folder as known, -1 before. */
const [lockAt, closedAt] = [0, 1];
const [totalAt, unseenAt] = [1, 2];

/** For as many threads as there are. */
export function diskCacheSetup(folder: string, maxBytes: number): DiskCacheSetup {
  const shared = new SharedArrayBuffer(24);
  new BigInt64Array(shared)[totalAt] = -1n;
  return { folder, maxBytes, shared };
}

/** A file aside is left over from a process that was killed once it is this old. */
const asideMs = 3_600_000;

/** A thread's view of a cache. `hook` is told before every write; a test throws there. */
export function openDiskCache(setup: DiskCacheSetup, hook: FileHook = () => {}): DiskCache {
  const { folder, maxBytes, shared } = setup;
  const flags = new Int32Array(shared);
  const counts = new BigInt64Array(shared);
  let written = 0;
  let damaged = 0;
  let file: string | null = null;
  let refused: CacheReport["refused"] = null;

  const pathOf = (key: string): string => join(folder, key.slice(0, 2), `${key}.value`);
  const locked = <T>(body: () => T): T => {
    while (Atomics.compareExchange(flags, lockAt, 0, 1) !== 0) Atomics.wait(flags, lockAt, 1, 100);
    try {
      return body();
    } finally {
      Atomics.store(flags, lockAt, 0);
      Atomics.notify(flags, lockAt, 1);
    }
  };
  /** Counts bytes that are to come, and makes room for them. */
  const reserve = (bytes: number): boolean =>
    locked(() => {
      if (bytes > maxBytes) return false;
      const total = Number(counts[totalAt]);
      const unseen = Number(counts[unseenAt]);
      // Other runs write too: what there is, is looked at again now and then.
      if (total < 0 || unseen > maxBytes / 16 || total + bytes > maxBytes) {
        counts[totalAt] = BigInt(makeRoom(folder, maxBytes, bytes));
        counts[unseenAt] = 0n;
      }
      counts[totalAt] = (counts[totalAt] ?? 0n) + BigInt(bytes);
      counts[unseenAt] = (counts[unseenAt] ?? 0n) + BigInt(bytes);
      return true;
    });

  return {
    find: (key) => {
      const path = pathOf(key);
      let bytes: Uint8Array;
      try {
        bytes = readFileSync(path);
      } catch {
        return null;
      }
      const value = readEntry(key, bytes);
      if (value === null) {
        damaged++;
        file = path;
        rmSync(path, { force: true });
        return null;
      }
      touch(path);
      return value;
    },
    add: (key, value) => {
      if (Atomics.load(flags, closedAt) !== 0) return;
      const path = pathOf(key);
      const aside = `${path}.${process.pid}.${threadId}.${written++}.tmp`;
      try {
        const pieces = writtenEntry(key, value);
        if (!reserve(pieces.reduce((sum, { byteLength }) => sum + byteLength, 0))) return;
        hook("write", aside);
        makeFolders(join(folder, key.slice(0, 2)));
        write(aside, pieces);
        hook("rename", path);
        renameSync(aside, path);
      } catch (error) {
        const reason = refusalOf(error);
        rmQuietly(aside);
        if (reason === null) throw error;
        // One warning for the whole process.
        if (Atomics.compareExchange(flags, closedAt, 0, 1) === 0) refused = { file: path, reason };
      }
    },
    report: () => {
      if (damaged === 0 && refused === null) return null;
      const report = { damaged, file, refused };
      damaged = 0;
      refused = null;
      return report;
    },
  };
}

/** No sync: an entry that a power failure tears is found by its checksum. */
function write(path: string, pieces: readonly Uint8Array[]): void {
  const descriptor = openSync(path, "w");
  try {
    for (const piece of pieces)
      for (let from = 0; from < piece.byteLength;)
        from += writeSync(descriptor, piece, from, piece.byteLength - from);
  } finally {
    closeSync(descriptor);
  }
}

interface Entry {
  readonly path: string;
  readonly bytes: number;
  readonly used: number;
}

/**
 * Removes what was used longest ago, until the folder and `coming` bytes fit; then a sixteenth
 * more, so that not every entry looks through the folder. The bytes that are left.
 */
function makeRoom(folder: string, maxBytes: number, coming: number): number {
  const entries = entriesOf(folder);
  let total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total + coming <= maxBytes) return total;
  const goal = Math.max(0, Math.min(maxBytes - coming, maxBytes - maxBytes / 16));
  for (const { path, bytes } of entries.sort((a, b) => a.used - b.used)) {
    if (total <= goal) break;
    rmQuietly(path);
    total -= bytes;
  }
  return total;
}

function entriesOf(folder: string): Entry[] {
  const entries: Entry[] = [];
  for (const part of namesIn(folder))
    for (const name of namesIn(join(folder, part))) {
      const path = join(folder, part, name);
      const stats = statSync(path, { throwIfNoEntry: false });
      if (stats === undefined) continue;
      if (name.endsWith(".tmp") && Date.now() - stats.mtimeMs > asideMs) rmQuietly(path);
      else entries.push({ path, bytes: stats.size, used: stats.mtimeMs });
    }
  return entries;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** When an entry was last used is its time of change. */
function touch(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // On a read-only disk, or removed by another run: the value is whole all the same.
  }
}

function rmQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It stays and counts.
  }
}
