/** The places of groups of frames in their splits, which metrics count events by. */

import { at } from "../../grammar/invariant.js";
import type { SplitManifest } from "./dataset.js";
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
