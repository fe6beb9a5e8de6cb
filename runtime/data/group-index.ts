/** The places of groups of frames in their splits, which metrics count events by. */

import type { DataProgram } from "../../compiler/plan/data.js";
import { groupsDiffer } from "../../grammar/diagnostics/data-content.js";
import { at } from "../../grammar/invariant.js";
import { badData } from "./bad-data.js";
import type { SplitManifest, SplitName } from "./dataset.js";
import type { DataRecord } from "./record.js";
import { recordsOf, splitNames } from "./split.js";

/**
 * The records, each frame with the index of its group among those of its split, which are counted
 * from 0 in the order of their first records.
 */
export function numberGroups(
  manifest: SplitManifest,
  records: readonly DataRecord[],
): readonly DataRecord[] {
  const numbered = [...records];
  for (const split of splitNames) {
    const seen = new Map<string, number>();
    const counts = new Map<string, number>();
    const number = (record: DataRecord, path: string): DataRecord => {
      const parts = record.parts.map((part, i) => number(part, `${path}${i}/`));
      if (record.frame === undefined || parts.length > 0) return { ...record, parts };
      const key = `${path}${record.leaf}:${record.frame.folder}`;
      const count = counts.get(path) ?? 0;
      const groupIndex = seen.get(key) ?? count;
      if (groupIndex === count) {
        seen.set(key, groupIndex);
        counts.set(path, count + 1);
      }
      return { ...record, groupIndex };
    };
    for (const index of recordsOf(manifest, split))
      numbered[index] = number(at(records, index), "");
  }
  return numbered;
}

/** How many groups of frames each split has; 0 where records are no frames. */
export function groupCounts(
  manifest: SplitManifest,
  records: readonly DataRecord[],
): Readonly<Record<SplitName, number>> {
  const count = (split: SplitName): number =>
    new Set(recordsOf(manifest, split).flatMap((index) => at(records, index).groupIndex ?? []))
      .size;
  return { train: count("train"), val: count("val"), test: count("test") };
}

/** Faults with exit code 6 where a split has other groups than the program was compiled for. */
export function requireGroups(
  { name, source, groups: expected = {} }: DataProgram,
  manifest: SplitManifest,
  records: readonly DataRecord[],
): void {
  const found = groupCounts(manifest, records);
  for (const split of splitNames) {
    const wanted = expected[split];
    if (wanted !== undefined && wanted !== found[split])
      throw badData(
        groupsDiffer,
        { dataset: name, split, expected: wanted, found: found[split] },
        source.place,
      );
  }
}
