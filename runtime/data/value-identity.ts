/** What a field's value before its first random transform depends on, as one key. */

import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { dirname } from "node:path";
import type { DataProgram, FieldReader, PlainSource } from "../../compiler/plan/data.js";
import { at, invariant } from "../../grammar/invariant.js";
import type { Step } from "./passes.js";
import type { DataRecord } from "./record.js";
import type { Packing } from "./stored-value.js";
import { fileOf } from "./template.js";
import type { FitResult } from "./transforms/rescale.js";

type Field = DataProgram["fields"][number];

/** Raised whenever a reader or a transform gives other numbers than before. */
const version = 1;

/** Whether reading it takes a file, so that keeping it saves time. */
export const isCostly = ({ reader, shape }: Field): boolean =>
  costly.includes(reader.kind) || (reader.kind === "column" && shape.length > 0);

const costly: readonly FieldReader["kind"][] = [
  "image",
  "image_file",
  "picture",
  "raster",
  "window",
  "array",
  "masks",
  "area",
];

/** The file that a template means; without a root of its own it starts where the source says. */
export function pathOf(
  leaves: readonly PlainSource[],
  { file, root }: { readonly file: string; readonly root: string | null },
  record: DataRecord,
): string {
  const source = at(leaves, record.leaf);
  const own =
    record.frame?.folder ??
    ("root" in source ? source.root : "file" in source ? dirname(source.file) : ".");
  return fileOf(file, root ?? own, record);
}

/** The frames of a window, the record's own last. */
export function windowFiles(
  leaves: readonly PlainSource[],
  reader: Extract<FieldReader, { kind: "window" }>,
  record: DataRecord,
): readonly string[] {
  const names = [...(record.frame?.earlier ?? []), record.columns["t"] ?? ""];
  return Array.from({ length: reader.length }, (_, i) => {
    const t = names.at(-1 - (reader.length - 1 - i) * reader.stride);
    invariant(t !== undefined, `record ${record.id} has a whole window`);
    return pathOf(leaves, reader, { ...record, columns: { ...record.columns, t } });
  });
}

/** What is read, how it is transformed, and how it is kept. */
export interface Wanted {
  readonly field: Field;
  /** The record, or the part of it that the field is read from. */
  readonly record: DataRecord;
  readonly steps: readonly Step[];
}

/**
 * SHA-256 over the files as they are now (path, size, times of change, inode), the place in them,
 * the reader, the transforms with what was fitted, and the form it is kept in. The run's seed, epoch
 * and record number are no part of it: runs share what they have in common.
 */
export function keyOf(
  leaves: readonly PlainSource[],
  { field, record, steps }: Wanted,
  fits: ReadonlyMap<string, FitResult>,
  { dtype }: Packing,
): string {
  const { reader, shape } = field;
  const { place: _, ...source } = at(leaves, record.leaf);
  const files = filesOf(leaves, reader, record).map(fileIdentity);
  const ops = steps.map(({ op }) => op);
  const hash = createHash("sha256");
  const own = placeIn(record, reader, source.kind);
  hash.update(JSON.stringify([version, source, files, own, reader, shape, ops, dtype]));
  for (const op of ops) {
    const fit = op.kind === "rescale" ? fits.get(op.fit) : undefined;
    for (const { data } of fit === undefined ? [] : [fit.first, fit.second])
      hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}

/** What tells a record from others of the same files. */
function placeIn(
  { file, index, row, label, tile, annotated, columns, properties }: DataRecord,
  { kind }: FieldReader,
  source: PlainSource["kind"],
): unknown {
  // A picture is its file and the window in it: where it stands among others may change.
  if (
    ["image", "image_file", "picture", "raster", "window"].includes(kind) &&
    source !== "synthetic"
  )
    return { tile, frame: annotated === undefined ? null : [annotated.height, annotated.width] };
  return { file, index, row, label, tile, annotated, columns, properties };
}

/** The files that a reader opens for a record. */
function filesOf(
  leaves: readonly PlainSource[],
  reader: FieldReader,
  record: DataRecord,
): readonly string[] {
  const source = at(leaves, record.leaf);
  if (reader.kind === "window") return windowFiles(leaves, reader, record);
  if ("file" in reader && reader.file !== null)
    return [pathOf(leaves, { file: reader.file, root: reader.root }, record)];
  if (reader.kind === "array") return "file" in source ? [source.file] : [];
  return record.file === null ? [] : [record.file];
}

/** A file that was written again has other times; one that is missing is left to its reader. */
function fileIdentity(path: string): readonly string[] {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return [path];
  const { size, mtimeNs, ctimeNs, ino } = stats;
  return [path, ...[size, mtimeNs, ctimeNs, ino].map(String)];
}
