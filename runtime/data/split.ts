/** Deals groups of records to the splits: by seeded shares, by a column's words, or by time. */

import type { DataProgram, DataSplit } from "../../compiler/plan/data.js";
import { propertyUnknown, splitEmpty } from "../../grammar/diagnostics/data.js";
import { stratumMissing } from "../../grammar/diagnostics/data-content.js";
import { columnValue } from "../../grammar/diagnostics/dataset.js";
import { at, invariant } from "../../grammar/invariant.js";
import { suggest } from "../../grammar/suggest.js";
import { createStream, permutation } from "../random.js";
import { badData } from "./bad-data.js";
import { cellOf } from "./columns.js";
import type { SplitManifest, SplitName } from "./dataset.js";
import { propertiesOf } from "./list-records.js";
import type { DataRecord } from "./record.js";

/** The splits in the order in which they are dealt. */
export const splitNames = ["train", "val", "test"] as const satisfies readonly SplitName[];

interface Group {
  readonly group: string;
  readonly records: readonly number[];
}

type Dealt = Extract<DataSplit, { readonly seed: number }>;

/** Whether a split is asked for: it has a share, or words. */
export const hasShare = (split: DataSplit, name: SplitName): boolean => {
  const share = split[name];
  return typeof share === "number" ? share > 0 : share.length > 0;
};

/**
 * Groups records (single ones, named by their id, where the split goes by nothing) and deals whole
 * groups. Within a split, groups stand in the order of their first record. `strata` are the records'
 * classes where the split is stratified. An unknown property or column, a word that no split has,
 * and a split with a share and no group are faults.
 */
export function splitRecords(
  program: DataProgram,
  records: readonly DataRecord[],
  strata: readonly string[] | null = null,
): SplitManifest {
  const { split } = program;
  const kind = "kind" in split ? split.kind : "plain";
  if ("kind" in split && split.kind === "words") return splitByWords(program, split, records);
  if ("kind" in split && split.kind === "time") return splitByTime(program, split, records);
  invariant("seed" in split, `a split of the kind ${kind} has a seed`);
  const groups = groupRecords(program, records);
  const counts = shareOut(groups.length, [split.train, split.val, split.test]);
  for (const [i, name] of splitNames.entries())
    if (strata === null) requireGroups(program, name, at(counts, i), groups.length);
  const dealt =
    strata === null ? dealAll(split, groups) : dealStrata(program, split, groups, strata);
  return { by: nameOf(split), seed: split.seed, splits: dealt };
}

type Splits = SplitManifest["splits"];

/** The name of what a split goes by, as the manifest has it. */
function nameOf(split: DataSplit): string | null {
  if (!("by" in split)) return split.column;
  return split.by === null || typeof split.by === "string" ? split.by : split.by.column;
}

function requireGroups(program: DataProgram, name: SplitName, count: number, all: number): void {
  const { split, source } = program;
  const share = split[name];
  if (count > 0 || !hasShare(split, name)) return;
  const by = nameOf(split);
  const unit = by === null ? "records" : `values of \`${by}\``;
  const percent = typeof share === "number" ? Number((100 * share).toFixed(2)) : 0;
  throw badData(splitEmpty, { split: name, percent, groups: all, unit }, source.place);
}

/** Shuffled by the split's seed and cut by its shares. */
function dealAll(split: Dealt, groups: readonly Group[]): Splits {
  const order = permutation(createStream(split.seed, "data/split"), 0, groups.length);
  const counts = shareOut(groups.length, [split.train, split.val, split.test]);
  return cut(groups, order, counts);
}

function cut(groups: readonly Group[], order: ArrayLike<number>, counts: Shares): Splits {
  const all = Array.from(order);
  const [train, val] = counts;
  const take = (from: number, to: number): readonly Group[] =>
    all
      .slice(from, to)
      .sort((a, b) => a - b)
      .map((index) => at(groups, index));
  return {
    train: take(0, train),
    val: take(train, train + val),
    test: take(train + val, all.length),
  };
}

/**
 * Deals the groups of each class apart, a group being of the class that most of its records have,
 * the first of equals. A class that a split with a share misses is a fault.
 */
function dealStrata(
  program: DataProgram,
  split: Dealt,
  groups: readonly Group[],
  strata: readonly string[],
): Splits {
  const field = "stratify" in split ? (split.stratify ?? "") : "";
  const classOf = ({ records }: Group): string => {
    const counts = new Map<string, number>();
    for (const record of records) {
      const stratum = at(strata, record);
      counts.set(stratum, (counts.get(stratum) ?? 0) + 1);
    }
    return [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))[0]?.[0] ?? "";
  };
  const classes = [...new Set(groups.map(classOf))].sort((a, b) => (a < b ? -1 : 1));
  const splits: Record<SplitName, Group[]> = { train: [], val: [], test: [] };
  for (const [i, name] of classes.entries()) {
    const own = groups.filter((group) => classOf(group) === name);
    const counts = shareOut(own.length, [split.train, split.val, split.test]);
    const order = permutation(createStream(split.seed, "data/split"), i + 1, own.length);
    const dealt = cut(own, order, counts);
    for (const each of splitNames) {
      if (dealt[each].length === 0 && hasShare(split, each))
        throw badData(
          stratumMissing,
          { field, value: name, split: each, groups: own.length },
          program.source.place,
        );
      splits[each].push(...dealt[each]);
    }
  }
  for (const each of splitNames) splits[each].sort((a, b) => at(a.records, 0) - at(b.records, 0));
  return splits;
}

type Words = Extract<DataSplit, { readonly kind: "words" }>;

/** Records of a word go together, into the split that names it. */
function splitByWords(
  program: DataProgram,
  split: Words,
  records: readonly DataRecord[],
): SplitManifest {
  const groups = grouped(records, (record) => columnOf(record, split.column).text);
  const words = splitNames.flatMap((name) => split[name]);
  for (const { group, records: members } of groups)
    if (!words.includes(group))
      throw wrongWord(records, at(members, 0), split.column, words, "a word of the split");
  const take = (name: SplitName): readonly Group[] => {
    const own = groups.filter(({ group }) => split[name].includes(group));
    requireGroups(program, name, own.length, groups.length);
    return own;
  };
  return {
    by: split.column,
    seed: null,
    splits: { train: take("train"), val: take("val"), test: take("test") },
  };
}

/** Values in ascending order, as numbers where all are, else as dates; equal ones stay together. */
function splitByTime(
  program: DataProgram,
  split: Extract<DataSplit, { readonly kind: "time" }>,
  records: readonly DataRecord[],
): SplitManifest {
  const groups = grouped(records, (record) => columnOf(record, split.column).text.trim());
  const areNumbers = groups.every(({ group }) => group !== "" && Number.isFinite(Number(group)));
  const times = groups.map(({ group, records: members }) => {
    const time = areNumbers ? Number(group) : Date.parse(group);
    if (!Number.isNaN(time)) return time;
    const expected = "a number or a date such as `2026-05-31`";
    throw wrongWord(records, at(members, 0), split.column, [], expected);
  });
  const order = [...groups.keys()].sort((a, b) => at(times, a) - at(times, b) || a - b);
  const counts = shareOut(groups.length, [split.train, split.val, split.test]);
  for (const [i, name] of splitNames.entries())
    requireGroups(program, name, at(counts, i), groups.length);
  return { by: split.column, seed: null, splits: cut(groups, order, counts) };
}

function wrongWord(
  records: readonly DataRecord[],
  index: number,
  column: string,
  words: readonly string[],
  expected: string,
) {
  const { file, line, unit, place, text: value } = columnOf(at(records, index), column);
  const params = { column, file, line, unit, value, expected, suggestion: suggest(value, words) };
  return badData(columnValue, params, `${place}, column \`${column}\``);
}

/** A cell of a record's line, or of that of one of its parts. */
function columnOf(record: DataRecord, column: string): ReturnType<typeof cellOf> {
  const own = record.parts.find(({ columns }) => Object.hasOwn(columns, column));
  return cellOf(own ?? record, column);
}

/** Record indices of a split, in ascending order. */
export const recordsOf = (manifest: SplitManifest, split: SplitName): readonly number[] =>
  manifest.splits[split].flatMap((group) => group.records).sort((a, b) => a - b);

/** The value that a record is grouped by. */
export function groupOf(program: DataProgram, record: DataRecord): string {
  const { source, split } = program;
  if (!("by" in split)) return columnOf(record, split.column).text;
  const { by } = split;
  if (by === null) return record.id;
  if (typeof by !== "string") return columnOf(record, by.column).text;
  const value = record.properties[by];
  if (value !== undefined) return value;
  throw badData(
    propertyUnknown,
    { property: by, source: source.kind, known: propertiesOf(source) },
    source.place,
  );
}

const groupRecords = (program: DataProgram, records: readonly DataRecord[]): readonly Group[] =>
  grouped(records, (record) => groupOf(program, record));

function grouped(
  records: readonly DataRecord[],
  groupOfRecord: (record: DataRecord) => string,
): readonly Group[] {
  const groups = new Map<string, number[]>();
  records.forEach((record, index) => {
    const group = groupOfRecord(record);
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
