/** Opens a dataset: finds and checks its records, deals them to splits, streams their batches. */

import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import type { DataProgram } from "../../compiler/plan/data.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { createStream, permutation } from "../random.js";
import { cutBatches } from "./assemble-batch.js";
import { checkFields } from "./check-fields.js";
import type { Dataset, SplitManifest, SplitName } from "./dataset.js";
import { computeFits, statesOf } from "./fits.js";
import { numberGroups, requireGroups } from "./group-index.js";
import { listRecords } from "./list-records.js";
import { createLoader } from "./loader.js";
import { evaluationOf } from "./passes.js";
import { createRecordReader, type RecordReader } from "./read-record.js";
import type { DataRecord } from "./record.js";
import { leaveOutBroken } from "./skipping.js";
import { recordsOf, splitRecords } from "./split.js";

/** Beside the folder of runs, as long as that is `runs` of the working directory. */
export const defaultCacheDir = join(".saic", "cache");

export interface OpenOptions {
  /** Of the run: decides the order of epochs and the draws of transforms, not the splits. */
  readonly seed: number;
  /** The most threads to decode in; the program's `workers` may ask for fewer. */
  readonly threads: number;
  /** Where caches on disk lie, `.saic/cache` of the working directory by default. */
  readonly cacheDir?: string;
  /** `shared` batches may lie in memory that threads share, until they are released. */
  readonly batches?: "shared" | "own";
  /** What decodes in a thread, in place of our own. */
  readonly worker?: URL;
}

/**
 * Opens the dataset of a plan. What is wrong with the program's data, as far as it shows without
 * decoding pictures, is a fault here, the rest when its batch is read; both end with exit code 6.
 * An epoch's order is `permutation(stream(seed, "data/order"), epoch)`; a step draws from
 * `data/<dataset>/<draw>` at (epoch, record).
 */
export async function openDataset(program: DataProgram, options: OpenOptions): Promise<Dataset> {
  const { batch, last, shuffle, parts = 1 } = program.loader;
  const { listed, records, manifest, warnings } = await findRecords(program, options.seed);
  requireGroups(program, manifest, records);
  const members: Readonly<Record<SplitName, readonly number[]>> = {
    train: recordsOf(manifest, "train"),
    val: recordsOf(manifest, "val"),
    test: recordsOf(manifest, "test"),
  };
  const fits = await computeFits(program, records, members.train, options.seed);
  const workers = Math.min(program.loader.workers ?? availableParallelism(), options.threads);
  const loader = createLoader(program, records, {
    fits,
    seed: options.seed,
    workers,
    membersOf: (pass) => members[pass === "train_as_is" ? "train" : pass],
    cacheFolder: join(resolve(options.cacheDir ?? defaultCacheDir), program.name),
    batches: options.batches ?? "own",
    worker: options.worker,
  });
  const orderOf = (split: SplitName) =>
    createStream(options.seed, split === "train" ? "data/order" : `data/order/${split}`);
  const orders = { train: orderOf("train"), val: orderOf("val"), test: orderOf("test") };
  const count = (split: SplitName, purpose?: "training"): number => {
    const trains = split === "train" || purpose === "training";
    if (!trains) return Math.ceil(members[split].length / batch);
    // Batches that come in parts begin and end an epoch as whole ones do.
    const whole = members[split].length / (batch * parts);
    return parts * (last === "drop" ? Math.floor(whole) : Math.ceil(whole));
  };

  return {
    manifest,
    fits: statesOf(program, fits),
    warnings,
    skipped: listed.length - records.length,
    notices: () => loader.notices(),
    workers,
    size: (split) => members[split].length,
    batchesPer: count,
    trainBatches: (epoch, from, split = "train") => {
      const own = members[split];
      const epochOrder = shuffle
        ? Array.from(permutation(orders[split], epoch, own.length), (place) => own[place] ?? 0)
        : own;
      const length = count(split, "training");
      const batches = cutBatches(epochOrder, batch).slice(0, length);
      while (batches.length < length) batches.push([]);
      return loader.stream(split, epoch, batches.slice(from));
    },
    evaluationBatches: (split) =>
      loader.stream(evaluationOf(split), 0, cutBatches(members[split], batch)),
    close: () => loader.close(),
  };
}

/** The records of a program's data, and the splits that they are dealt to. */
export interface FoundRecords {
  /** With those whose pictures cannot be read. */
  readonly listed: readonly DataRecord[];
  /** Those that the program goes on with; the manifest counts in these. */
  readonly records: readonly DataRecord[];
  readonly manifest: SplitManifest;
  readonly warnings: readonly Diagnostic[];
}

/** Lists, checks and deals the records, without decoding what no rule asks for. */
export async function findRecords(program: DataProgram, seed: number): Promise<FoundRecords> {
  checkFields(program);
  const found: Diagnostic[] = [];
  const listed = await listRecords(program, (warning) => found.push(warning));
  const raw = createRecordReader(program, seed, 0);
  const { records: kept, warnings } = await leaveOutBroken(program, listed, raw);
  const manifest = splitRecords(program, kept, await strataOf(program, kept, raw));
  const records = numberGroups(manifest, kept);
  return { listed, records, manifest, warnings: [...found, ...warnings] };
}

/** The class of each record where the split goes by classes, else `null`. */
async function strataOf(
  program: DataProgram,
  records: readonly DataRecord[],
  reader: RecordReader,
): Promise<readonly string[] | null> {
  const field = "stratify" in program.split ? program.split.stratify : null;
  if (field === null) return null;
  const strata: string[] = [];
  for (const [index, record] of records.entries()) {
    const value = await reader.readUpTo(field, { index, record, kept: {} }, 0);
    strata.push(String(value.data[0]));
  }
  return strata;
}
