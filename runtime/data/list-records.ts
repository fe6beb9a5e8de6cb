/** All records of a dataset, whatever its source. */

import type { DataProgram, DataSource, PlainSource } from "../../compiler/plan/data.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { lengthsDiffer } from "../../grammar/diagnostics/dataset.js";
import { assertNever, at, invariant } from "../../grammar/invariant.js";
import { badData } from "./bad-data.js";
import { joinByKey } from "./join-records.js";
import { namesIn } from "./path-pattern.js";
import type { DataRecord, SourceRecord } from "./record.js";
import { listArrays } from "./sources/arrays.js";
import { listCoco } from "./sources/coco.js";
import { listCsv } from "./sources/csv.js";
import { listFrames } from "./sources/frames.js";
import { listImageFolder } from "./sources/image-folder.js";
import { listMatchedFiles } from "./sources/matched-files.js";
import { listParquet } from "./sources/parquet.js";
import { listSynthetic } from "./sources/synthetic.js";
import { listVocTiles } from "./sources/voc-tiles.js";
import { namesOf } from "./template.js";

type Warn = (warning: Diagnostic) => void;
type Field = DataProgram["fields"][number];

/** Records in a fixed order, which gives each its index; faults as the sources find them. */
export function listRecords(
  { source, fields, split }: Pick<DataProgram, "source" | "fields" | "split">,
  warn: Warn = () => {},
): Promise<readonly DataRecord[]> {
  const by = "by" in split ? split.by : split;
  const columns = by === null || typeof by === "string" ? [] : [by.column];
  return listFrom(source, { fields, warn, columns }, 0);
}

interface Listing {
  /** Fields that read the source. */
  readonly fields: readonly Field[];
  readonly warn: Warn;
  /** Columns that are named beside the fields: by a split, a join, a template of another part. */
  readonly columns: readonly string[];
}

async function listFrom(
  source: DataSource,
  listing: Listing,
  leaf: number,
): Promise<readonly DataRecord[]> {
  if (source.kind === "zip") return listZip(source, listing, leaf);
  if (source.kind === "concat") {
    const all: DataRecord[] = [];
    let next = leaf;
    for (const [i, part] of source.parts.entries()) {
      const records = await listFrom(part, listing, next);
      // Parts may name their records alike.
      for (const record of records) all.push({ ...record, id: `${i + 1}:${record.id}` });
      next += leavesOf(part).length;
    }
    return all;
  }
  const records = await listPlain(source, listing);
  return records.map((record, index) => ({ ...record, leaf, index, parts: [] }));
}

async function listZip(
  source: Extract<DataSource, { kind: "zip" }>,
  { fields, warn, columns }: Listing,
  leaf: number,
): Promise<readonly DataRecord[]> {
  const { by, parts } = source;
  const templates = parts.map((_, i) => templateNames(fields.filter(({ part }) => part === i)));
  const named = [...columns, ...(by === null ? [] : [by]), ...templates.flat()];
  const lists: (readonly DataRecord[])[] = [];
  let next = leaf;
  for (const [i, { source }] of parts.entries()) {
    const own = fields.filter(({ part }) => part === i);
    lists.push(await listFrom(source, { fields: own, warn, columns: named }, next));
    next += leavesOf(source).length;
  }
  const rows =
    by === null ? joinByIndex(source, lists, fields) : joinByKey({ ...source, by }, lists, warn);
  return rows.map((row, index) => {
    const [first] = row;
    invariant(first !== undefined, "a join has parts");
    return {
      ...first,
      index,
      properties: Object.assign({}, ...row.map(({ properties }) => properties)),
      parts: row.map((record, i) => withNames(record, row, templates[i] ?? [])),
    };
  });
}

/** The names that the templates of fields use. */
const templateNames = (fields: readonly Field[]): readonly string[] =>
  fields.flatMap(({ reader }) =>
    "file" in reader && reader.file !== null ? namesIn(reader.file) : [],
  );

/** A part with the names that its templates use and only other parts have. */
function withNames(
  record: DataRecord,
  row: readonly DataRecord[],
  names: readonly string[],
): DataRecord {
  const own = namesOf(record);
  const missing = names.filter((name) => !Object.hasOwn(own, name));
  if (missing.length === 0) return record;
  const lent = missing.flatMap((name) => {
    const text = row.map(namesOf).find((each) => Object.hasOwn(each, name))?.[name];
    return text === undefined ? [] : [[name, text] as const];
  });
  return { ...record, columns: { ...record.columns, ...Object.fromEntries(lent) } };
}

/** Record i of each part with record i of the others; parts of other lengths are a fault. */
function joinByIndex(
  { parts, place }: Extract<DataSource, { kind: "zip" }>,
  lists: readonly (readonly DataRecord[])[],
  fields: readonly Field[],
): readonly (readonly DataRecord[])[] {
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
  return at(lists, first).map((record, index) => lists.map((list) => list[index] ?? record));
}

/** Whether a part tells its number of records: arrays that no field reads do not. */
const isCounted = (source: DataSource, fields: readonly Field[], part: number): boolean =>
  source.kind !== "arrays" || fields.some((field) => field.part === part);

async function listPlain(
  source: PlainSource,
  { fields, warn, columns }: Listing,
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
    case "parquet":
      return listParquet(source, fields, columns);
    case "coco":
      return listCoco(source, fields, warn);
    case "frames":
      return listFrames(source, fields, warn);
    case "images":
    case "geotiff":
      return listMatchedFiles(source);
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
    case "parquet":
    case "coco":
      return [];
    case "frames":
      return namesIn(source.group);
    case "images":
    case "geotiff":
      return namesIn(source.pattern);
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
