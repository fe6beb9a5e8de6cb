/** Opens a dataset: finds and checks its records, deals them to splits, streams their batches. */

import type { DataProgram } from "../../compiler/plan/data.js";
import { createStream, permutation } from "../random.js";
import { cutBatches } from "./assemble-batch.js";
import { checkFields } from "./check-fields.js";
import type { Dataset, SplitName } from "./dataset.js";
import { listRecords } from "./list-records.js";
import { createLoader } from "./loader.js";
import { evaluationOf } from "./passes.js";
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
  const records = await listRecords(program.source);
  const manifest = splitRecords(program, records);
  const members: Readonly<Record<SplitName, readonly number[]>> = {
    train: recordsOf(manifest, "train"),
    val: recordsOf(manifest, "val"),
    test: recordsOf(manifest, "test"),
  };
  const loader = createLoader(program, records, {
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
