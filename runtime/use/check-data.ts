/** Reads every record of a dataset and tells what is wrong with it, and how its splits look. */

import { createHash } from "node:crypto";
import type { DataProgram } from "../../compiler/plan/data.js";
import { diagnose, type Diagnostic } from "../../grammar/diagnostic.js";
import { groupsOverlap, recordsRepeat, recordValue } from "../../grammar/diagnostics/use.js";
import { at } from "../../grammar/invariant.js";
import { checkFields } from "../data/check-fields.js";
import { configureDecoder } from "../data/decode-image.js";
import type { SplitManifest, SplitName } from "../data/dataset.js";
import { computeFits, type Fits } from "../data/fits.js";
import { leavesOf, listRecords } from "../data/list-records.js";
import { mapInOrder } from "../data/map-in-order.js";
import { findRecords, type FoundRecords } from "../data/open-dataset.js";
import { createRecordReader } from "../data/read-record.js";
import type { DataRecord } from "../data/record.js";
import { recordsOf, splitNames } from "../data/split.js";
import type { Value } from "../data/value.js";
import { Fault } from "../fault.js";
import { numbersOf } from "../metrics/numbers.js";
import { elementCount } from "../tensor.js";

/** What is wrong with one record, or with the data as a whole. */
export interface DataProblem {
  readonly record: string | null;
  readonly diagnostic: Diagnostic;
}

/** Records of a split by the value of a label: by the name of its class, where it has one. */
export type Balance = Readonly<Record<string, number>>;

export interface DataReport {
  readonly dataset: string;
  /** All that the source lists, and those left out by a rule of the program. */
  readonly records: number;
  readonly skipped: number;
  readonly splits: Readonly<
    Record<
      SplitName,
      { readonly records: number; readonly labels: Readonly<Record<string, Balance>> }
    >
  >;
  readonly problems: readonly DataProblem[];
  readonly warnings: readonly Diagnostic[];
}

/** Records that are read at once. */
const atOnce = 8;
/** Decoded pictures that are held on to. */
const frameBytes = 64 * 2 ** 20;

type Field = DataProgram["fields"][number];

/**
 * Reads all fields of all records, before transforms and after those of their split. What is wrong
 * with single records is listed; what keeps the records from being listed at all is a fault.
 */
export async function checkData(
  program: DataProgram,
  seed: number,
  onProgress: (done: number, all: number) => void,
): Promise<DataReport> {
  configureDecoder();
  checkFields(program);
  const problems: DataProblem[] = [];
  const listed = await listRecords(program);
  const read = await readAll(program, listed, seed, (done) => onProgress(done, listed.length));
  const found = await attempt(() => findRecords(program, seed), problems);
  // A picture that is left out by a rule has been said to be broken by a warning.
  const kept = new Set((found?.records ?? listed).map(({ id }) => id));
  listed.forEach((record, i) => {
    const own = at(read, i).problem;
    if (own !== null && kept.has(record.id)) problems.push({ record: record.id, diagnostic: own });
  });
  const sound = problems.length === 0;
  const fits = found === null || !sound ? null : await fitsOf(program, found, seed, problems);
  if (found !== null && fits !== null)
    problems.push(...(await prepareAll(program, found, fits, seed)));
  const places = new Map(listed.map(({ id }, i) => [id, i] as const));
  const of = ({ id }: DataRecord): Read => at(read, places.get(id) ?? 0);
  return {
    dataset: program.name,
    records: listed.length,
    skipped: found === null ? 0 : listed.length - found.records.length,
    splits: {
      train: splitOf(program, found, "train", of),
      val: splitOf(program, found, "val", of),
      test: splitOf(program, found, "test", of),
    },
    problems,
    warnings:
      found === null
        ? []
        : [...found.warnings, ...overlaps(program, found), ...repeats(program, found, of)],
  };
}

/** What is kept of one record. */
interface Read {
  readonly problem: Diagnostic | null;
  /** Scalars that may be labels, by field; of an annotated picture its classes. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
  /** SHA-256 of the elements of larger fields, by field. */
  readonly hashes: Readonly<Record<string, string>>;
}

async function readAll(
  program: DataProgram,
  records: readonly DataRecord[],
  seed: number,
  onProgress: (done: number) => void,
): Promise<readonly Read[]> {
  const reader = createRecordReader(program, seed, frameBytes);
  let done = 0;
  return mapInOrder([...records.keys()], atOnce, async (index): Promise<Read> => {
    const record = at(records, index);
    const labels: Record<string, readonly string[]> = {};
    const annotated = annotatedClasses(program, record);
    if (annotated !== null) labels["annotations"] = annotated;
    const hashes: Record<string, string> = {};
    let problem: Diagnostic | null = null;
    for (const field of program.fields) {
      try {
        const value = await reader.readUpTo(field.name, { index, record, kept: {} }, 0);
        const what = flawOf(program, field, value);
        if (what !== null) {
          const place = `${record.file ?? "drawn data"}, record \`${record.id}\``;
          const params = { field: field.name, record: record.id, what };
          problem ??= diagnose(recordValue, params, null, { place });
        }
        if (isLabel(value)) labels[field.name] = [nameOf(program, field, value)];
        else if (value.data.length >= hashedFrom) hashes[field.name] = hashOf(value);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        problem ??= error.diagnostic;
      }
    }
    onProgress(++done);
    return { problem, labels, hashes };
  });
}

/** Fewer elements may well be equal by chance. */
const hashedFrom = 16;

const isLabel = ({ dtype, shape }: Value): boolean =>
  elementCount(shape) === 1 && ["i64", "i32", "bool", "u8"].includes(dtype);

const hashOf = ({ data }: Value): string =>
  createHash("sha256")
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest("base64");

function classesOf(program: DataProgram, { reader, part }: Field): readonly string[] | null {
  if (reader.kind === "column") return reader.classes;
  if (reader.kind !== "label") return null;
  const { source } = program;
  const own = source.kind === "zip" ? at(source.parts, part ?? 0).source : source;
  const [leaf] = leavesOf(own);
  return leaf !== undefined && "classes" in leaf ? leaf.classes : null;
}

function nameOf(program: DataProgram, field: Field, value: Value): string {
  const number = numbersOf(value)(0);
  if (value.dtype === "bool") return number === 0 ? "false" : "true";
  return classesOf(program, field)?.[number] ?? String(number);
}

function flawOf(program: DataProgram, field: Field, value: Value): string | null {
  const number = numbersOf(value);
  if (["f32", "f64", "f16", "bf16"].includes(value.dtype)) {
    for (let i = 0; i < value.data.length; i++)
      if (!Number.isFinite(number(i))) return `holds ${number(i)}`;
    return null;
  }
  const classes = isLabel(value) ? classesOf(program, field) : null;
  if (classes === null) return null;
  const isClass = number(0) >= 0 && number(0) < classes.length;
  return isClass ? null : `is ${number(0)}, and there are ${classes.length} classes`;
}

/** The classes that lie on a record's picture, each once; `null` where nothing is annotated. */
function annotatedClasses({ source }: DataProgram, record: DataRecord): readonly string[] | null {
  const own = [record, ...record.parts].find(({ annotated }) => annotated !== undefined);
  if (own?.annotated === undefined) return null;
  const leaf = leavesOf(source)[own.leaf];
  const names = leaf?.kind === "coco" ? leaf.classes : null;
  const found = new Set(own.annotated.items.map((item) => item.class));
  return [...found].toSorted((a, b) => a - b).map((index) => names?.[index] ?? String(index));
}

/** Reads what is sound in the form that its split has it in. */
async function prepareAll(
  program: DataProgram,
  { records, manifest }: FoundRecords,
  fits: Fits,
  seed: number,
): Promise<readonly DataProblem[]> {
  const reader = createRecordReader(program, seed, frameBytes, fits);
  const found: DataProblem[] = [];
  for (const split of splitNames)
    for (const index of recordsOf(manifest, split)) {
      const record = at(records, index);
      try {
        const { fields } = await reader.read({ index, record, kept: {} }, split, 0);
        for (const [name, value] of fields) {
          const number = numbersOf(value);
          for (let i = 0; i < value.data.length; i++) {
            if (Number.isFinite(number(i))) continue;
            const params = { field: name, record: record.id, what: `is prepared as ${number(i)}` };
            found.push({ record: record.id, diagnostic: diagnose(recordValue, params, null) });
            break;
          }
        }
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        found.push({ record: record.id, diagnostic: error.diagnostic });
      }
    }
  return found;
}

async function fitsOf(
  program: DataProgram,
  { records, manifest }: FoundRecords,
  seed: number,
  problems: DataProblem[],
): Promise<Fits | null> {
  const train = recordsOf(manifest, "train");
  return attempt(() => computeFits(program, records, train, seed), problems);
}

async function attempt<T>(body: () => Promise<T>, problems: DataProblem[]): Promise<T | null> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    problems.push({ record: null, diagnostic: error.diagnostic });
    return null;
  }
}

function splitOf(
  program: DataProgram,
  found: FoundRecords | null,
  split: SplitName,
  of: (record: DataRecord) => Read,
): DataReport["splits"][SplitName] {
  if (found === null) return { records: 0, labels: {} };
  const indices = recordsOf(found.manifest, split);
  const labels: Record<string, Record<string, number>> = {};
  for (const index of indices)
    for (const [field, values] of Object.entries(of(at(found.records, index)).labels)) {
      const counts = (labels[field] ??= {});
      for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
    }
  for (const field of program.fields) {
    const counts = labels[field.name];
    // In the order of the classes, and those that no record has as 0.
    const classes = classesOf(program, field);
    if (counts === undefined) continue;
    labels[field.name] =
      classes === null
        ? Object.fromEntries(Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1)))
        : Object.fromEntries(classes.map((name) => [name, counts[name] ?? 0]));
  }
  return { records: indices.length, labels };
}

/** Properties by which records belong together, and that the split tears apart. */
function overlaps(
  program: DataProgram,
  { records, manifest }: FoundRecords,
): readonly Diagnostic[] {
  const splitOfRecord = new Map(
    splitNames.flatMap((split) =>
      recordsOf(manifest, split).map((index) => [index, split] as const),
    ),
  );
  const seen = new Map<string, Map<string, Set<SplitName>>>();
  records.forEach(({ properties }, index) => {
    const split = splitOfRecord.get(index);
    if (split === undefined) return;
    for (const [property, value] of Object.entries(properties)) {
      // A class is meant to be in every split.
      if (property === "class" || property === manifest.by) continue;
      const values = seen.get(property) ?? new Map<string, Set<SplitName>>();
      seen.set(property, values);
      values.set(value, (values.get(value) ?? new Set()).add(split));
    }
  });
  return [...seen].flatMap(([property, values]) => {
    const torn = [...values].filter(([, splits]) => splits.size > 1);
    const [first] = torn;
    // Where all are torn apart, as by a split in time, the property is no group.
    if (first === undefined) return [];
    const params = { property, groups: torn.length, first: first[0], splits: [...first[1]] };
    return [diagnose(groupsOverlap, params, null, { place: program.source.place })];
  });
}

/** Records of `val` and `test` whose elements are those of a record of `train`. */
function repeats(
  program: DataProgram,
  {
    records,
    manifest,
  }: { readonly records: readonly DataRecord[]; readonly manifest: SplitManifest },
  of: (record: DataRecord) => Read,
): readonly Diagnostic[] {
  return program.fields.flatMap(({ name: field }) => {
    const train = new Map<string, string>();
    for (const index of recordsOf(manifest, "train")) {
      const record = at(records, index);
      const hash = of(record).hashes[field];
      if (hash !== undefined) train.set(hash, record.id);
    }
    const copies = [...recordsOf(manifest, "val"), ...recordsOf(manifest, "test")].flatMap(
      (index) => {
        const record = at(records, index);
        const first = train.get(of(record).hashes[field] ?? "");
        return first === undefined ? [] : [{ first: `\`${first}\``, second: `\`${record.id}\`` }];
      },
    );
    const [example] = copies;
    if (example === undefined) return [];
    const params = { field, count: copies.length, ...example };
    return [diagnose(recordsRepeat, params, null, { place: program.source.place })];
  });
}
