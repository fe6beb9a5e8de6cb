/** Findings about loading: caches, what is held in memory, and waiting for batches. */

import { diagnosticKind } from "../diagnostic.js";

const figure = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(2)} GiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** A loader that is to keep values in memory and to keep none. */
export const nothingInMemory = diagnosticKind<Record<string, never>>({
  code: "data/nothing-in-memory",
  severity: "error",
  message: () => "`residency: stream` keeps nothing in memory, and `cache: memory(…)` asks for it",
  hint: () => "leave one of the two out, or write `cache: disk(max: 20 GiB)`",
  explain: `\`residency: stream\` reads every record anew in each epoch, or takes it from a cache on disk. A cache in memory is what it rules out.`,
});

/** A split that shall lie in memory and has no room there. */
export const preloadTooLarge = diagnosticKind<{
  split: string;
  records: number;
  read: number;
  held: number;
  limit: number;
}>({
  code: "data/preload-too-large",
  severity: "error",
  message: ({ split, records, read, held, limit }) =>
    `\`residency: preload\` has no room for \`${split}\`: ${read} of its ${records} records take ${figure(held)}, of ${figure(limit)} that it may take`,
  hint: () =>
    "write `cache: memory(max: …)` with more room, `cache: disk(max: …)` without `residency`, or keep less with `dtype` and `compress`",
  explain: `\`residency: preload\` promises that no epoch waits for files. It takes what \`cache: memory(max: …)\` allows, or else half of the memory that is free when the run begins; a split that does not fit stops the run at once.`,
});

/** Entries of the cache that are not what was written. */
export const cacheDamaged = diagnosticKind<{ dataset: string; count: number; file: string }>({
  code: "data/cache-damaged",
  severity: "warning",
  message: ({ dataset, count, file }) =>
    `${count === 1 ? "an entry" : `${count} entries`} of the cache of \`${dataset}\` ${count === 1 ? "was" : "were"} damaged and made anew, the last \`${file}\``,
  hint: () => "nothing was lost; when it happens again, look at the disk",
  explain: `Every entry of the cache has its length and a checksum with it. One that does not agree with them is never used: it is removed and made again from the record's files.`,
});

/** The cache on disk cannot be written. */
export const cacheUnusable = diagnosticKind<{ dataset: string; file: string; reason: string }>({
  code: "data/cache-unusable",
  severity: "warning",
  message: ({ dataset, file, reason }) =>
    `the cache of \`${dataset}\` takes no more entries, as \`${file}\` cannot be written: ${reason}`,
  hint: () =>
    "training goes on without it; free the disk, lower `max`, or name another folder with `--cache-dir`",
  explain: `A cache only saves time. Where it cannot be written, what it holds is still used, everything else is read from the record's files, and results are the same.`,
});

/** Updates wait for their batches. */
export const dataStarves = diagnosticKind<{
  percent: number;
  updates: number;
  dataMs: number;
  stepMs: number;
  advice: string;
}>({
  code: "data/starves",
  severity: "warning",
  message: ({ percent, updates, dataMs, stepMs }) =>
    `the last ${updates} updates waited for data ${percent}% of their time: ${dataMs.toFixed(1)} ms beside ${stepMs.toFixed(1)} ms of work`,
  hint: ({ advice }) => advice,
  explain: `Every step's event has \`step_ms\`, the time in the graphs, and \`data_ms\`, the time that it waited for its batch. Where the wait is a fifth of the whole or more over 50 updates, the loader is what limits the run; it is said once.`,
});
