/** Opens a dataset: finds and checks its records, deals them to splits, streams their batches. */

import type { DataProgram } from "../../compiler/plan/data.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { createStream, permutation } from "../random.js";
import { cutBatches } from "./assemble-batch.js";
import { checkFields } from "./check-fields.js";
import type { Dataset, SplitName } from "./dataset.js";
import { computeFits, statesOf } from "./fits.js";
import { listRecords } from "./list-records.js";
import { createLoader } from "./loader.js";
import { evaluationOf } from "./passes.js";
import { createRecordReader, type RecordReader } from "./read-record.js";
import type { DataRecord } from "./record.js";
import { leaveOutBroken } from "./skipping.js";
import { recordsOf, splitRecords } from "./split.js";

export interface OpenOptions {
  /** Of the run: decides the order of epochs and the draws of transforms, not the splits. */
  readonly seed: number;
  /** The most threads to decode in; the program's `workers` may ask for fewer. */
  readonly threads: number;
}

/**
 * Opens the dataset of a plan. What is wrong with the program's data, as far as it shows without
 * decoding pictures, is a fault here, the rest when its batch is read; both end with exit code 6.
 * An epoch's order is `permutation(stream(seed, "data/order"), epoch)`; a step draws from
 * `data/<dataset>/<draw>` at (epoch, record).
 */
export async function openDataset(program: DataProgram, options: OpenOptions): Promise<Dataset> {
  const { batch, last, shuffle } = program.loader;
  checkFields(program);
  const found: Diagnostic[] = [];
  const listed = await listRecords(program.source, program.fields, (warning) =>
    found.push(warning),
  );
  const raw = createRecordReader(program, options.seed, 0);
  const { records, warnings } = await leaveOutBroken(program, listed, raw);
  const manifest = splitRecords(program, records, await strataOf(program, records, raw));
  const members: Readonly<Record<SplitName, readonly number[]>> = {
    train: recordsOf(manifest, "train"),
    val: recordsOf(manifest, "val"),
    test: recordsOf(manifest, "test"),
  };
  const fits = await computeFits(program, records, members.train, options.seed);
  const loader = createLoader(program, records, {
    fits,
    seed: options.seed,
    workers: Math.max(0, Math.min(program.loader.workers, options.threads)),
  });
  const order = createStream(options.seed, "data/order");
  const count = (split: SplitName): number => {
    const batches = members[split].length / batch;
    return split === "train" && last === "drop" ? Math.floor(batches) : Math.ceil(batches);
  };

  return {
    manifest,
    fits: statesOf(program, fits),
    warnings: [...found, ...warnings],
    size: (split) => members[split].length,
    batchesPer: count,
    trainBatches: (epoch, from) => {
      const { train } = members;
      const epochOrder = shuffle
        ? Array.from(permutation(order, epoch, train.length), (place) => train[place] ?? 0)
        : train;
      const batches = cutBatches(epochOrder, batch).slice(from, count("train"));
      return loader.stream("train", epoch, batches);
    },
    evaluationBatches: (split) =>
      loader.stream(evaluationOf(split), 0, cutBatches(members[split], batch)),
    close: () => loader.close(),
  };
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
