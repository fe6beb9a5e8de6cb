/** A dataset in memory with the order rules of a real one, for tests of the loop. */

import type { DataProgram } from "../../compiler/plan/data.js";
import type { Batch, Dataset, SplitName } from "../../runtime/data/dataset.js";
import { createStream, normal, permutation } from "../../runtime/random.js";

/** Pictures of three numbers; the label is 1 when a fixed weighting of them is positive. */
export const tinyProgram: DataProgram = {
  name: "Tiny",
  source: {
    kind: "synthetic",
    generator: "shapes",
    count: 64,
    height: 1,
    width: 3,
    classes: ["disk", "square"],
    noise: 0,
    seed: 1,
    place: "test.pipe:1:1",
  },
  fields: [
    {
      name: "image",
      reader: { kind: "image" },
      dtype: "u8",
      shape: [1, 1, 3],
      place: "test.pipe:1:1",
    },
    { name: "label", reader: { kind: "label" }, dtype: "i64", shape: [], place: "test.pipe:1:1" },
  ],
  split: { by: null, train: 0.6, val: 0.2, test: 0.2, seed: 1 },
  transforms: [],
  outputs: [
    { name: "image", dtype: "f32", shape: [1, 1, 3] },
    { name: "label", dtype: "i64", shape: [] },
  ],
  loader: { batch: 4, shuffle: true, workers: 0, last: "drop" },
};

export interface Faults {
  /** The training record whose picture is NaN. */
  readonly poisoned?: number;
  /** All labels are 1 in validation and test. */
  readonly oneClass?: true;
  readonly sizes?: Readonly<Record<SplitName, number>>;
}

/** Opens the dataset; records depend on the seed 1 only, the order on (seed, epoch). */
export function openTiny(
  program: DataProgram,
  { seed }: { readonly seed: number },
  faults: Faults = {},
): Promise<Dataset> {
  const sizes = faults.sizes ?? { train: 22, val: 10, test: 9 };
  const first = { train: 0, val: sizes.train, test: sizes.train + sizes.val };
  const B = program.loader.batch;
  const order = createStream(seed, "order");
  const values = createStream(1, "values");

  const batchOf = (records: readonly number[], split: SplitName): Batch => {
    const image = new Float32Array(B * 3);
    const label = new BigInt64Array(B);
    const valid = new Uint8Array(B);
    for (const [place, record] of records.entries()) {
      const [a = 0, b = 0, c = 0] = normal(values, record, 0, 3);
      image.set(record === faults.poisoned ? [NaN, b, c] : [a, b, c], place * 3);
      const one = faults.oneClass === true && split !== "train";
      label[place] = one || a - 0.5 * b + 0.25 * c > 0 ? 1n : 0n;
      valid[place] = 1;
    }
    return {
      fields: new Map([
        ["image", { dtype: "f32", shape: [B, 1, 1, 3], data: image }],
        ["label", { dtype: "i64", shape: [B], data: label }],
      ]),
      valid,
      count: records.length,
    };
  };
  const members = (split: SplitName): readonly number[] =>
    Array.from({ length: sizes[split] }, (_, i) => first[split] + i);
  const group = (split: SplitName) => [{ group: split, records: members(split) }];

  return Promise.resolve({
    manifest: {
      by: null,
      seed: 1,
      splits: { train: group("train"), val: group("val"), test: group("test") },
    },
    size: (split) => sizes[split],
    batchesPer: (split) =>
      split === "train" ? Math.floor(sizes.train / B) : Math.ceil(sizes[split] / B),
    async *trainBatches(epoch, from) {
      const shuffled = [...permutation(order, epoch, sizes.train)];
      for (let batch = from; batch < Math.floor(sizes.train / B); batch++)
        yield batchOf(shuffled.slice(batch * B, batch * B + B), "train");
    },
    async *evaluationBatches(split) {
      const records = members(split);
      for (let at = 0; at < records.length; at += B)
        yield batchOf(records.slice(at, at + B), split);
    },
    close: () => Promise.resolve(),
  });
}
