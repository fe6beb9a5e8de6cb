/** Splits: shares, whole groups, disjointness and seeds. */

import { describe, expect, it } from "vitest";
import type { PlainSplit } from "../../compiler/plan/data.js";
import type { SplitManifest } from "../../runtime/data/dataset.js";
import type { DataRecord } from "../../runtime/data/record.js";
import { recordsOf, shareOut, splitNames, splitRecords } from "../../runtime/data/split.js";
import { shapesProgram, split, tilesProgram } from "./fixtures.js";

const tile = (frame: string, position: number): DataRecord => ({
  leaf: 0,
  index: position,
  parts: [],
  columns: {},
  line: null,
  id: `${frame}#${position}`,
  file: `${frame}.png`,
  properties: { frame },
  label: null,
  tile: { position, top: 0, left: 0, size: 4, covered: 0, held: 0 },
});
const frames = Array.from({ length: 20 }, (_, i) => `f${i}`);
const records = frames.flatMap((frame) => [0, 1, 2].map((position) => tile(frame, position)));

const tiles = (changes: Partial<PlainSplit>): SplitManifest => {
  const program = tilesProgram("x", { frame: [4, 10], size: 4, overlap: 1 });
  return splitRecords({ ...program, split: { ...split, by: "frame", ...changes } }, records);
};

describe("shareOut", () => {
  it.each([
    [10, [0.7, 0.15, 0.15], [7, 2, 1]],
    [60, [0.7, 0.15, 0.15], [42, 9, 9]],
    [100, [0.29, 0.57, 0.14], [29, 57, 14]],
    [3, [0.98, 0.01, 0.01], [3, 0, 0]],
    [7, [1, 0, 0], [7, 0, 0]],
    [2, [0.5, 0, 0.5], [1, 0, 1]],
    [5, [1 / 3, 1 / 3, 1 / 3], [2, 2, 1]],
  ] as const)("deals %i by %j", (total, shares, expected) => {
    expect(shareOut(total, shares)).toEqual(expected);
  });

  it("refuses shares that are no whole", () => {
    expect(() => shareOut(10, [0.5, 0.2, 0.2])).toThrow("sum");
  });
});

describe("splitRecords", () => {
  it("deals every record once, and groups whole", () => {
    const manifest = tiles({ train: 0.6, val: 0.25, test: 0.15 });
    const all = splitNames.flatMap((split) => recordsOf(manifest, split));
    expect(all.sort((a, b) => a - b)).toEqual(records.map((_, i) => i));
    expect(splitNames.map((split) => manifest.splits[split].length)).toEqual([12, 5, 3]);
    for (const split of splitNames)
      for (const { group, records: members } of manifest.splits[split]) {
        expect(members).toHaveLength(3);
        expect(members.map((i) => records[i]?.properties["frame"])).toEqual([group, group, group]);
      }
    const groups = splitNames.flatMap((split) => manifest.splits[split].map(({ group }) => group));
    expect(new Set(groups).size).toBe(20);
  });

  it("follows the split's seed", () => {
    expect(tiles({ seed: 5 })).toEqual(tiles({ seed: 5 }));
    expect(tiles({ seed: 5 }).splits.val).not.toEqual(tiles({ seed: 6 }).splits.val);
  });

  it("puts each group into each split now and then", () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 400; seed++)
      for (const { group } of tiles({ seed }).splits.test)
        counts.set(group, (counts.get(group) ?? 0) + 1);
    // A quarter of 400, give or take four standard deviations.
    for (const frame of frames) expect(Math.abs((counts.get(frame) ?? 0) - 100)).toBeLessThan(35);
  });

  it("splits single records by their id", () => {
    const program = shapesProgram();
    const single = records.slice(0, 8);
    const manifest = splitRecords(program, single);
    expect(manifest.by).toBeNull();
    expect(manifest.splits.train).toHaveLength(4);
    for (const { group, records: members } of manifest.splits.train)
      expect(members.map((i) => single[i]?.id)).toEqual([group]);
  });
});
