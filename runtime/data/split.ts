/** Deals groups of records to the splits: seeded, whole groups only, shares by largest remainder. */

import type { DataProgram } from "../../compiler/plan/data.js";
import { propertyUnknown, splitEmpty } from "../../grammar/diagnostics/data.js";
import { at, invariant } from "../../grammar/invariant.js";
import { createStream, permutation } from "../random.js";
import { badData } from "./bad-data.js";
import type { SplitManifest, SplitName } from "./dataset.js";
import { propertiesOf } from "./list-records.js";
import type { DataRecord } from "./record.js";

/** The splits in the order in which they are dealt. */
export const splitNames = ["train", "val", "test"] as const satisfies readonly SplitName[];

interface Group {
  readonly group: string;
  readonly records: readonly number[];
}

/**
 * Groups records by `program.split.by` (single records, named by their id, for `null`), shuffles
 * the groups by the split's own seed and cuts them by its shares. Within a split, groups stand in
 * the order of their first record. An unknown property, or a split with a positive share and no
 * group, is a fault.
 */
export function splitRecords(program: DataProgram, records: readonly DataRecord[]): SplitManifest {
  const { split, source } = program;
  const groups = groupRecords(program, records);
  const counts = shareOut(groups.length, [split.train, split.val, split.test]);
  const order = permutation(createStream(split.seed, "data/split"), 0, groups.length);
  let next = 0;
  const take = (name: SplitName, count: number): readonly Group[] => {
    if (count === 0 && split[name] > 0) {
      const unit = split.by === null ? "records" : `values of \`${split.by}\``;
      const percent = Number((100 * split[name]).toFixed(2));
      throw badData(
        splitEmpty,
        { split: name, percent, groups: groups.length, unit },
        source.place,
      );
    }
    const taken = [...order.subarray(next, next + count)].sort((a, b) => a - b);
    next += count;
    return taken.map((index) => at(groups, index));
  };
  const [train, val, test] = counts;
  return {
    by: split.by,
    seed: split.seed,
    splits: { train: take("train", train), val: take("val", val), test: take("test", test) },
  };
}

/** Record indices of a split, in ascending order. */
export const recordsOf = (manifest: SplitManifest, split: SplitName): readonly number[] =>
  manifest.splits[split].flatMap((group) => group.records).sort((a, b) => a - b);

/** The value that a record is grouped by. */
export function groupOf(program: DataProgram, record: DataRecord): string {
  const { by } = program.split;
  if (by === null) return record.id;
  const value = record.properties[by];
  if (value !== undefined) return value;
  const { source } = program;
  throw badData(
    propertyUnknown,
    { property: by, source: source.kind, known: propertiesOf(source) },
    source.place,
  );
}

function groupRecords(program: DataProgram, records: readonly DataRecord[]): readonly Group[] {
  const groups = new Map<string, number[]>();
  records.forEach((record, index) => {
    const group = groupOf(program, record);
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [index]);
    else members.push(index);
  });
  return [...groups].map(([group, members]) => ({ group, records: members }));
}

type Shares = readonly [number, number, number];

/**
 * Whole numbers that sum to `total` and follow `shares`: each gets the floor of its exact part,
 * and what is left goes one by one to the largest remainders, the earlier first.
 */
export function shareOut(total: number, shares: Shares): Shares {
  const sum = shares[0] + shares[1] + shares[2];
  invariant(Math.abs(sum - 1) < 1e-6, `split shares sum to ${sum}`);
  // Parts such as 0.29 * 100 fall short of a whole number by rounding alone.
  const exact = shares.map((share) => Number(((share * total) / sum).toFixed(9)));
  const counts = exact.map(Math.floor);
  const left = total - counts.reduce((a, b) => a + b, 0);
  const byRemainder = [0, 1, 2]
    .filter((i) => at(shares, i) > 0)
    .sort((a, b) => (at(exact, b) % 1) - (at(exact, a) % 1) || a - b);
  for (let k = 0; k < left; k++) {
    const i = at(byRemainder, k % byRemainder.length);
    counts[i] = at(counts, i) + 1;
  }
  return [at(counts, 0), at(counts, 1), at(counts, 2)];
}
