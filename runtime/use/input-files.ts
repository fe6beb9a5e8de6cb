/** New files as records: found by name or in folders, and read as the dataset reads its own. */

import { readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join, relative } from "node:path";
import type { DataProgram, PlainSource } from "../../compiler/plan/data.js";
import { type Diagnostic, diagnose } from "../../grammar/diagnostic.js";
import {
  fieldUnreadable,
  inputMissing,
  inputNoFolder,
  nothingToPredict,
} from "../../grammar/diagnostics/use.js";
import { at, invariant } from "../../grammar/invariant.js";
import { badData } from "../data/bad-data.js";
import { listRecords } from "../data/list-records.js";
import type { DataRecord, Tile } from "../data/record.js";
import { tileGrid } from "../data/tile-geometry.js";
import { exitCodes, Fault } from "../fault.js";
import { framesIn } from "./input-frames.js";

type Field = DataProgram["fields"][number];

/** One given file as the dataset would have it. */
export interface InputFile {
  /** As given, or below the folder that was given. */
  readonly name: string;
  readonly path: string;
}

/** How files become records. */
export interface InputForm {
  /** What files are read, in words. */
  readonly wanted: string;
  readonly extensions: readonly string[];
  /** `pictures`: a file is a record, or the tiles of one; `table`: it holds many. */
  readonly kind: "pictures" | "table" | "frames";
  /** The dataset with the fields that the model needs alone, and one source. */
  readonly program: DataProgram;
}

const pictures = [".jpg", ".jpeg", ".png", ".webp"];
const rasters = [".tif", ".tiff"];
const extensionsOf = {
  npy: [".npy"],
  npz: [".npz"],
  safetensors: [".safetensors"],
  pickle: [".pkl", ".pickle"],
} as const;

/** Fields whose values come out of a file of a record. */
const readable: readonly Field["reader"]["kind"][] = [
  "image",
  "picture",
  "image_file",
  "raster",
  "array",
  "column",
  "columns",
  "window",
  "position",
];

/**
 * How the fields that a model needs are read from new files. Faults with exit code 2 where one
 * cannot be: a label, or fields of several sources.
 */
export function inputForm(program: DataProgram, needed: readonly string[]): InputForm {
  const fields = program.fields.filter(({ name }) => needed.includes(name));
  const refuse = (field: string, reason: string): Fault =>
    new Fault(diagnose(fieldUnreadable, { field, reason }, null), exitCodes.environment);
  for (const { name, reader } of fields)
    if (!readable.includes(reader.kind)) throw refuse(name, `\`${reader.kind}\` reads the dataset`);
  const [first] = fields;
  invariant(first !== undefined, "a model reads a field");
  const other = fields.find(({ part }) => part !== first.part);
  if (other !== undefined)
    throw refuse(other.name, `it lies in another part of the data than \`${first.name}\``);
  const source = sourceOf(program, first);
  const isPicture = ({ reader }: Field): boolean =>
    ["image", "picture", "image_file"].includes(reader.kind);
  const own = {
    ...program,
    source,
    fields: fields.map(withoutPart),
    outputs: program.outputs.filter(({ name }) => needed.includes(name)),
    // New files belong to no split, and need not have what the split goes by.
    split: { by: null, train: 1, val: 0, test: 0, seed: 0 },
  };
  if (source.kind === "voc_tiles")
    return { wanted: "pictures of frames", extensions: pictures, kind: "pictures", program: own };
  if (source.kind === "frames")
    return { wanted: "folders of frames", extensions: [], kind: "frames", program: own };
  if (fields.every(({ reader }) => reader.kind === "raster"))
    return { wanted: "GeoTIFF files", extensions: rasters, kind: "pictures", program: own };
  if (fields.length === 1 && isPicture(first))
    return {
      wanted: "JPEG, PNG and WebP pictures",
      extensions: pictures,
      kind: "pictures",
      // Any file is a picture, whatever the dataset draws or finds its own by.
      program: {
        ...own,
        source: { kind: "image_folder", root: ".", classes: ["picture"], place: source.place },
        fields: [{ ...withoutPart(first), reader: { kind: "image" } }],
      },
    };
  const table = tableOf(source);
  if (table === null) {
    const second = fields.find((field) => !isPicture(field)) ?? at(fields, 1);
    throw refuse(second.name, `it is no part of the picture \`${first.name}\``);
  }
  return { ...table, kind: "table", program: own };
}

const withoutPart = ({ name, reader, dtype, shape, place }: Field): Field => ({
  name,
  reader,
  dtype,
  shape,
  place,
});

/** The source that a field reads; of several that are joined end to end, the first. */
function sourceOf({ source }: DataProgram, { part }: Field): PlainSource {
  let found = source.kind === "zip" ? at(source.parts, part ?? 0).source : source;
  while (found.kind === "concat" || found.kind === "zip")
    found = found.kind === "zip" ? at(found.parts, 0).source : at(found.parts, 0);
  return found;
}

function tableOf(source: PlainSource): Pick<InputForm, "wanted" | "extensions"> | null {
  switch (source.kind) {
    case "arrays":
      return {
        wanted: `arrays in ${source.format} files`,
        extensions: extensionsOf[source.format],
      };
    case "csv":
      return { wanted: "csv tables", extensions: [".csv", ".tsv", ".txt"] };
    case "parquet":
      return { wanted: "parquet tables", extensions: [".parquet"] };
    default:
      return null;
  }
}

/**
 * The files of `paths`, folders searched through, in the order given and then by name. Faults with
 * exit code 6 where a path is not there or holds nothing that is read; files of other kinds in a
 * folder are counted in `passed`.
 */
export async function findInputs(
  paths: readonly string[],
  { wanted, extensions, kind }: InputForm,
): Promise<{ readonly files: readonly InputFile[]; readonly passed: number }> {
  const files: InputFile[] = [];
  let passed = 0;
  for (const path of paths) {
    const found = await stat(path).catch(() => null);
    if (found === null) throw badData(inputMissing, { path, wanted }, path);
    if (!found.isDirectory() && kind === "frames")
      throw badData(inputNoFolder, { path, wanted }, path);
    if (!found.isDirectory() || kind === "frames") {
      files.push({ name: path, path });
      continue;
    }
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    const names = entries
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."))
      .map((entry) => relative(path, join(entry.parentPath, entry.name)))
      .toSorted((a, b) => (a < b ? -1 : 1));
    const own = names.filter((name) => extensions.includes(extname(name).toLowerCase()));
    passed += names.length - own.length;
    if (own.length === 0)
      throw new Fault(
        diagnose(nothingToPredict, { path, wanted, passed: names.length }, null),
        exitCodes.badData,
      );
    files.push(...own.map((name) => ({ name, path: join(path, name) })));
  }
  return { files, passed };
}

/** The records of one file, and the program that reads them; `warn` hears what is left out. */
export async function recordsIn(
  { program, kind }: InputForm,
  { path }: InputFile,
  warn: (warning: Diagnostic) => void,
): Promise<{ readonly program: DataProgram; readonly records: readonly DataRecord[] }> {
  if (kind === "pictures") return { program, records: picturesIn(program, path) };
  const { source } = program;
  invariant(source.kind !== "zip" && source.kind !== "concat", "one source is chosen");
  const to = movedTo(source, path);
  const moved = { ...program, source: to };
  if (to.kind !== "frames") return { program: moved, records: await listRecords(moved, warn) };
  const frames = await framesIn(to, program.fields, warn);
  return {
    program: moved,
    records: frames.map((record, index) => ({ ...record, leaf: 0, index, parts: [] })),
  };
}

/** The same source at another place; what a table names lies beside it where it did so before. */
function movedTo(source: PlainSource, path: string): PlainSource {
  const place = path;
  if (source.kind === "frames") return { ...source, root: path, place };
  if (source.kind === "arrays") return { ...source, file: path, place };
  if (source.kind !== "csv" && source.kind !== "parquet") return source;
  const isBeside = source.root === dirname(source.file);
  return { ...source, file: path, place, root: isBeside ? dirname(path) : source.root };
}

function picturesIn({ source }: DataProgram, path: string): readonly DataRecord[] {
  const record = (tile: Tile | null): DataRecord => ({
    id: tile === null ? basename(path) : `${basename(path)}#${tile.position}`,
    file: path,
    properties: {},
    label: null,
    tile,
    columns: {},
    line: null,
    leaf: 0,
    index: 0,
    parts: [],
  });
  if (source.kind !== "voc_tiles") return [record(null)];
  const { frame, size, overlap } = source;
  const { rows, columns, stride } = tileGrid(frame[0], frame[1], size, overlap);
  return Array.from({ length: rows * columns }, (_, position) =>
    record({
      position,
      top: Math.floor(position / columns) * stride,
      left: (position % columns) * stride,
      size,
      covered: 0,
      held: 0,
    }),
  );
}
