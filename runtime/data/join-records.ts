/** Records of several sources joined by a key: equal text in a column, a name of a pattern, a property. */

import type { DataSource } from "../../compiler/plan/data.js";
import { type Diagnostic, diagnose } from "../../grammar/diagnostic.js";
import {
  keyDuplicate,
  keysDropped,
  keysMissing,
  keyUnknown,
} from "../../grammar/diagnostics/data-files.js";
import { at } from "../../grammar/invariant.js";
import { suggest } from "../../grammar/suggest.js";
import { badData } from "./bad-data.js";
import type { DataRecord } from "./record.js";
import { namesOf, placeOf } from "./template.js";

type Zip = Extract<DataSource, { kind: "zip" }>;

/**
 * For each key that all parts have, in the order of the first part, the record of each part. A key
 * that two records of a part have is a fault. One that a part lacks is a fault, or with `drop` a
 * warning; both tell how many there are and show some.
 */
export function joinByKey(
  { by, missing, parts, place }: Zip & { readonly by: string },
  lists: readonly (readonly DataRecord[])[],
  warn: (warning: Diagnostic) => void,
): readonly (readonly DataRecord[])[] {
  const nameOf = (part: number): string => parts[part]?.name ?? `part ${part + 1}`;
  const indices = lists.map((list, part) => indexOf(by, nameOf(part), list, place));
  const keys = [...new Set(indices.flatMap((index) => [...index.keys()]))];
  const gaps = indices.flatMap((index, part) => {
    const lacking = keys.filter((key) => !index.has(key));
    if (lacking.length === 0) return [];
    return [{ part: nameOf(part), count: lacking.length, examples: lacking.slice(0, 5) }];
  });
  const [gap] = gaps;
  if (gap !== undefined && missing === "error")
    throw badData(keysMissing, { ...gap, key: by, keys: keys.length }, place);
  const shared = [...at(indices, 0).keys()].filter((key) =>
    indices.every((index) => index.has(key)),
  );
  if (gap !== undefined && shared.length === 0)
    throw badData(keysMissing, { ...gap, key: by, keys: keys.length }, place);
  if (gap !== undefined) {
    const params = { key: by, dropped: keys.length - shared.length, keys: keys.length, gaps };
    warn(diagnose(keysDropped, params, null, { place }));
  }
  return shared.map((key) => indices.flatMap((index) => index.get(key) ?? []));
}

function indexOf(
  key: string,
  part: string,
  records: readonly DataRecord[],
  place: string,
): ReadonlyMap<string, DataRecord> {
  const found = new Map<string, DataRecord>();
  for (const record of records) {
    const names = namesOf(record);
    const value = Object.hasOwn(names, key) ? names[key] : undefined;
    if (value === undefined) {
      const known = Object.keys(names);
      throw badData(keyUnknown, { key, part, known, suggestion: suggest(key, known) }, place);
    }
    const first = found.get(value);
    if (first !== undefined)
      throw badData(
        keyDuplicate,
        { key, value, part, first: placeOf(first), second: placeOf(record) },
        placeOf(record),
      );
    found.set(value, record);
  }
  return found;
}
