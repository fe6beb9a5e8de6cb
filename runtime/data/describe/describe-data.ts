/** What data say of themselves: columns and first values, types and shapes, categories, groups. */

import { basename } from "node:path";
import { z } from "zod";
import type {
  DataDescription,
  DataRequest,
  FileRequest,
} from "../../../compiler/plan/description.js";
import { countGroups } from "./count-groups.js";
import { csvRecords } from "./csv.js";
import { MalformedError, type OpenFile, withFile } from "./file-head.js";
import { describeNpy, describeNpz } from "./npy.js";
import { pickledArrays } from "./pickle.js";

/** A table is read up to here; what follows is left to the run. */
const tableBytes = 1 << 22;
/** An annotation file above this is left to the run. */
const annotationBytes = 1 << 26;
const npyBytes = 1 << 16;

/**
 * Reads the head of a file; `null` where there is none or it is too long to look into. Groups are
 * counted in all records, and what is wrong with these is the fault that a run would end with.
 */
export function describeData(request: DataRequest): DataDescription | null {
  if (request.kind === "groups") return { kind: "groups", counts: countGroups(request.program) };
  try {
    return withFile(request.file, (open) => describe(request, open));
  } catch (error) {
    if (error instanceof MalformedError) return { kind: "malformed", problem: error.message };
    throw error;
  }
}

function describe(request: FileRequest, open: OpenFile): DataDescription | null {
  switch (request.kind) {
    case "csv":
      return describeTable(open, request.delimiter);
    case "npy": {
      const name = arrayNameOf(request.file);
      return { kind: "arrays", arrays: [describeNpy(open.read(0, npyBytes), name)] };
    }
    case "npz":
      return { kind: "arrays", arrays: describeNpz(open) };
    case "safetensors":
      return describeSafetensors(open);
    case "pickle": {
      const arrays = pickledArrays(open, arrayNameOf(request.file));
      return {
        kind: "arrays",
        arrays: arrays.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
      };
    }
    case "coco":
      return open.size > annotationBytes ? null : describeAnnotations(open);
  }
}

/** What the one array of a file without names is called: as the file is. */
export const arrayNameOf = (file: string): string =>
  basename(file).replace(/\.(?:npy|pkl|pickle)$/i, "");

function describeTable(open: OpenFile, delimiter: string): DataDescription {
  const complete = open.size <= tableBytes;
  const text = open.read(0, tableBytes).toString("utf8");
  let names: readonly string[] | null = null;
  const values: Map<string, number>[] = [];
  for (const { fields, line } of csvRecords(text, delimiter, { isCut: !complete })) {
    if (names === null) {
      names = fields.map((field) => field.trim());
      const twice = names.find((name, i) => names?.indexOf(name) !== i);
      if (twice !== undefined) throw new MalformedError(`two columns are called \`${twice}\``);
      values.push(...names.map(() => new Map<string, number>()));
      continue;
    }
    if (fields.length !== names.length)
      throw new MalformedError(
        `line ${line} has ${fields.length} fields, the first line ${names.length}`,
      );
    fields.forEach((field, i) => {
      if (values[i]?.has(field) === false) values[i].set(field, line);
    });
  }
  if (names === null) throw new MalformedError("it has no line of column names");
  return {
    kind: "table",
    complete,
    columns: names.map((name, i) => ({
      name,
      values: [...(values[i] ?? [])].map(([value, line]) => ({ text: value, line })),
    })),
  };
}

const tensorHeader = z.record(
  z.string(),
  z.object({
    dtype: z.string(),
    shape: z.array(z.number().int().min(0)),
    data_offsets: z.tuple([z.number().int().min(0), z.number().int().min(0)]).optional(),
  }),
);

function tensorsIn(open: OpenFile) {
  const front = open.read(0, 8);
  const length = front.length < 8 ? -1 : Number(front.readBigUInt64LE(0));
  if (length < 0 || length > open.size - 8) throw new MalformedError("it ends within its header");
  const parsed = parseJson(open.read(8, length));
  const entries = typeof parsed === "object" && parsed !== null ? Object.entries(parsed) : [];
  const tensors = tensorHeader.safeParse(
    Object.fromEntries(entries.filter(([name]) => name !== "__metadata__")),
  );
  if (!tensors.success) throw new MalformedError("its header describes no tensors");
  return Object.entries(tensors.data).map(([name, { dtype, shape, data_offsets }]) => ({
    name,
    // The language's names of types are the format's in small letters.
    dtype: dtype.toLowerCase(),
    shape,
    start: 8 + length + (data_offsets?.[0] ?? 0),
    end: 8 + length + (data_offsets?.[1] ?? 0),
  }));
}

/** The arrays of a safetensors file, by its header. Throws `MalformedError`. */
export const describeArrays = (open: OpenFile) =>
  tensorsIn(open).map(({ name, dtype, shape }) => ({ name, dtype, shape }));

/** Where a tensor's elements begin; `null` where the file has none of the name. */
export function safetensorsEntry(open: OpenFile, name: string) {
  const entry = tensorsIn(open).find((each) => each.name === name);
  if (entry === undefined) return null;
  if (entry.end > open.size) throw new MalformedError(`\`${name}\` goes on after its end`);
  return entry;
}

function describeSafetensors(open: OpenFile): DataDescription {
  return { kind: "arrays", arrays: describeArrays(open) };
}

const annotations = z.object({ categories: z.array(z.object({ name: z.string() })) });

function describeAnnotations(open: OpenFile): DataDescription {
  const parsed = annotations.safeParse(parseJson(open.read(0, open.size)));
  if (!parsed.success) throw new MalformedError("it has no list of `categories` with names");
  return { kind: "annotations", classes: parsed.data.categories.map(({ name }) => name) };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    throw new MalformedError("it is not JSON");
  }
}
