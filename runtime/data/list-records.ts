/** All records of a dataset, whatever its source. */

import type { DataProgram, DataSource, PlainSource } from "../../compiler/plan/data.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { lengthsDiffer } from "../../grammar/diagnostics/dataset.js";
import { assertNever, at } from "../../grammar/invariant.js";
import { badData } from "./bad-data.js";
import type { DataRecord, SourceRecord } from "./record.js";
import { listArrays } from "./sources/arrays.js";
import { listCoco } from "./sources/coco.js";
import { listCsv } from "./sources/csv.js";
import { listImageFolder } from "./sources/image-folder.js";
import { listSynthetic } from "./sources/synthetic.js";
import { listVocTiles } from "./sources/voc-tiles.js";

type Warn = (warning: Diagnostic) => void;
type Field = DataProgram["fields"][number];

/** Records in a fixed order, which gives each its index; faults as the sources find them. */
export const listRecords = (
  source: DataSource,
  fields: readonly Field[],
  warn: Warn = () => {},
): Promise<readonly DataRecord[]> => listFrom(source, fields, 0, warn);

async function listFrom(
  source: DataSource,
  fields: readonly Field[],
  leaf: number,
  warn: Warn,
): Promise<readonly DataRecord[]> {
  if (source.kind === "zip") return listZip(source, fields, leaf, warn);
  if (source.kind === "concat") {
    const all: DataRecord[] = [];
    let next = leaf;
    for (const [i, part] of source.parts.entries()) {
      const records = await listFrom(part, fields, next, warn);
      // Parts may name their records alike.
      for (const record of records) all.push({ ...record, id: `${i + 1}:${record.id}` });
      next += leavesOf(part).length;
    }
    return all;
  }
  const records = await listPlain(source, fields, warn);
  return records.map((record, index) => ({ ...record, leaf, index, parts: [] }));
}

async function listZip(
  { parts, place }: Extract<DataSource, { kind: "zip" }>,
  fields: readonly Field[],
  leaf: number,
  warn: Warn,
): Promise<readonly DataRecord[]> {
  const lists: (readonly DataRecord[])[] = [];
  let next = leaf;
  for (const [i, { source }] of parts.entries()) {
    const own = fields.filter(({ part }) => part === i);
    lists.push(await listFrom(source, own, next, warn));
    next += leavesOf(source).length;
  }
  const read = parts.flatMap(({ source }, i) => (isCounted(source, fields, i) ? [i] : []));
  const [first = 0] = read;
  const { length } = at(lists, first);
  const other = read.find((i) => lists[i]?.length !== length);
  const nameOf = (i: number): string => parts[i]?.name ?? `part ${i + 1}`;
  if (other !== undefined)
    throw badData(
      lengthsDiffer,
      {
        first: nameOf(first),
        firstLength: length,
        second: nameOf(other),
        secondLength: at(lists, other).length,
      },
      place,
    );
  return at(lists, first).map((record, index) => ({
    ...record,
    properties: Object.assign({}, ...lists.map((list) => list[index]?.properties)),
    parts: lists.map((list) => list[index] ?? record),
  }));
}

/** Whether a part tells its number of records: arrays that no field reads do not. */
const isCounted = (source: DataSource, fields: readonly Field[], part: number): boolean =>
  source.kind !== "arrays" || fields.some((field) => field.part === part);

async function listPlain(
  source: PlainSource,
  fields: readonly Field[],
  warn: Warn,
): Promise<readonly SourceRecord[]> {
  switch (source.kind) {
    case "synthetic":
      return listSynthetic(source);
    case "image_folder":
      return listImageFolder(source);
    case "voc_tiles":
      return listVocTiles(source);
    case "arrays":
      return listArrays(source, fields);
    case "csv":
      return listCsv(source, fields);
    case "coco":
      return listCoco(source, fields, warn);
    default:
      return assertNever(source);
  }
}

/** The plain sources of a dataset in the order in which records name them. */
export function leavesOf(source: DataSource): readonly PlainSource[] {
  if (source.kind === "zip") return source.parts.flatMap((part) => leavesOf(part.source));
  return source.kind === "concat" ? source.parts.flatMap(leavesOf) : [source];
}

/** The plain sources that a field reads: one, or the parts of a `concat`. */
export function sourcesOf({ source }: DataProgram, { part }: Field): readonly PlainSource[] {
  const own = source.kind === "zip" ? source.parts[part ?? 0]?.source : source;
  return own === undefined ? [] : leavesOf(own);
}

/** The properties that a source's records can be split by. */
export function propertiesOf(source: DataSource): readonly string[] {
  switch (source.kind) {
    case "synthetic":
    case "arrays":
    case "csv":
    case "coco":
      return [];
    case "image_folder":
      return ["class"];
    case "voc_tiles":
      return ["frame"];
    case "zip":
      return source.parts.flatMap((part) => propertiesOf(part.source));
    case "concat":
      return source.parts.flatMap(propertiesOf);
    default:
      return assertNever(source);
  }
}
