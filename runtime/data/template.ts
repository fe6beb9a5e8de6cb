/** Templates of paths: `{image}.jpg`, `masks/{index:04}.png`. */

import { isAbsolute, join } from "node:path";
import { placeholderUnknown } from "../../grammar/diagnostics/dataset.js";
import { suggest } from "../../grammar/suggest.js";
import { badData } from "./bad-data.js";
import type { DataRecord, SourceRecord } from "./record.js";

/** The names that templates and keys may use of a record, each with its text. */
export function namesOf({
  columns,
  properties,
  index,
}: DataRecord): Readonly<Record<string, string>> {
  return { index: String(index), ...properties, ...columns };
}

/**
 * The path that a template gives for a record, below `root` unless it is absolute. A width fills up
 * with leading zeros. A name that the record does not have is a fault.
 */
export function fileOf(template: string, root: string, record: DataRecord): string {
  const names = namesOf(record);
  const path = template.replaceAll(
    /\{([A-Za-z_][A-Za-z0-9_]*)(?::0(\d+))?\}/g,
    (_, name: string, width: string | undefined) => {
      const text = Object.hasOwn(names, name) ? names[name] : undefined;
      if (text !== undefined) return text.padStart(Number(width ?? 0), "0");
      const known = Object.keys(names);
      throw badData(
        placeholderUnknown,
        { name, known, suggestion: suggest(name, known) },
        placeOf(record),
      );
    },
  );
  return isAbsolute(path) ? path : join(root, path);
}

/** Where a record stands, for messages: `labels.csv:17`, `labels.parquet, row 3`, or its file and name. */
export const placeOf = ({ file, line, row, id }: SourceRecord): string =>
  line !== null
    ? `${file ?? ""}:${line}`
    : row === undefined
      ? `${file ?? "drawn data"}, record \`${id}\``
      : `${file ?? ""}, row ${row}`;
