/** Checks, before any file is decoded, that readers, transforms and outputs of a program agree. */

import type { DataProgram, PlainSource } from "../../compiler/plan/data.js";
import {
  fieldMismatch,
  outputMismatch,
  readerUnsupported,
  transformUnsuited,
} from "../../grammar/diagnostics/data.js";
import { assertNever } from "../../grammar/invariant.js";
import { badData, printType } from "./bad-data.js";
import { sourcesOf } from "./list-records.js";
import { type Pass, stepsFor } from "./passes.js";
import { hasShare } from "./split.js";
import { type FieldType, movesPixels, outcomeOf } from "./transforms/transform.js";

type Field = DataProgram["fields"][number];

/**
 * Faults for a reader that the source cannot serve, a declared type that the reader never gives, a
 * transform that does not take its field, and a split whose steps end in another type than
 * `outputs` says. Sizes of image files are checked when they are read.
 */
export function checkFields(program: DataProgram): void {
  for (const field of program.fields) checkReader(program, field);
  for (const pass of passesOf(program))
    for (const output of program.outputs) {
      const field = program.fields.find((candidate) => candidate.name === output.name);
      const found = field === undefined ? null : typeAfter(program, field, pass);
      if (found === null || !sameType(found, output))
        throw badData(
          outputMismatch,
          {
            field: output.name,
            pass,
            expected: printType(output.dtype, output.shape),
            found: found === null ? "nothing" : printType(found.dtype, found.shape),
          },
          field?.place ?? program.source.place,
        );
    }
}

/** Passes that this program can make. */
const passesOf = ({ split }: DataProgram): readonly Pass[] => [
  "train",
  ...(hasShare(split, "val") ? (["val"] as const) : []),
  ...(hasShare(split, "test") ? (["test"] as const) : []),
];

function typeAfter(program: DataProgram, field: Field, pass: Pass): FieldType {
  let type: FieldType = { dtype: field.dtype, shape: field.shape };
  // Boxes have no extents of their own.
  const isMark = ["boxes", "box_classes", "tile_boxes"].includes(field.reader.kind);
  for (const step of stepsFor(program, pass, field.name)) {
    if (isMark && movesPixels(step.op)) continue;
    const outcome = outcomeOf(step.op, type);
    if (!outcome.ok)
      throw badData(
        transformUnsuited,
        { transform: step.op.kind, field: field.name, problem: outcome.problem },
        step.place,
      );
    type = outcome.type;
  }
  return type;
}

function checkReader(program: DataProgram, field: Field): void {
  for (const source of sourcesOf(program, field)) {
    const readers = readersOf(source.kind);
    const reader = field.reader.kind;
    if (!readers.includes(reader))
      throw badData(
        readerUnsupported,
        { field: field.name, reader, source: source.kind, readers },
        field.place,
      );
    const given = typeGiven(source, field);
    if (!sameType(given, field))
      throw badData(
        fieldMismatch,
        {
          field: field.name,
          expected: printType(field.dtype, field.shape),
          found: printType(given.dtype, given.shape),
        },
        field.place,
      );
  }
}

function readersOf(source: PlainSource["kind"]): readonly string[] {
  switch (source) {
    case "synthetic":
    case "image_folder":
      return ["image", "label"];
    case "voc_tiles":
      return ["image", "covered", "holds", "position"];
    case "arrays":
      return ["array", "image_file", "exists"];
    case "csv":
    case "parquet":
      return ["column", "columns", "image_file", "exists", "boxes", "tile_boxes"];
    case "frames":
      return [
        "window",
        "image_file",
        "offset_at_least",
        "group_offset",
        "group_index",
        "tile_boxes",
        "exists",
        "boxes",
      ];
    case "images":
      return ["picture"];
    case "geotiff":
      return ["raster"];
    case "coco":
      return ["picture", "boxes", "box_classes", "masks", "area", "present"];
    default:
      return assertNever(source);
  }
}

/** The type that a reader gives, with the declared channels where it can choose and size where files decide. */
function typeGiven(source: PlainSource, field: Field): FieldType {
  const { kind } = field.reader;
  switch (kind) {
    case "label":
    case "position":
      return { dtype: "i64", shape: [] };
    case "covered":
    case "holds":
    case "exists":
      return { dtype: "bool", shape: [] };
    // The file tells, when records are listed.
    case "array":
    case "raster":
      return field;
    case "window":
      return {
        dtype: "u8",
        shape: [field.reader.length, field.shape[1] === 1 ? 1 : 3, ...field.shape.slice(2)],
      };
    case "offset_at_least":
      return { dtype: "bool", shape: field.shape.length === 1 ? [1] : [] };
    case "group_offset":
      return { dtype: "f32", shape: [] };
    case "group_index":
      return { dtype: "i64", shape: [] };
    case "tile_boxes":
      return { dtype: "bool", shape: [field.shape[0] ?? null] };
    case "column":
      // Of a parquet file's lists the file tells, when records are listed.
      return {
        dtype: field.reader.classes === null ? field.dtype : "i64",
        shape: source.kind === "parquet" ? field.shape : [],
      };
    case "columns":
      return { dtype: field.dtype, shape: [field.reader.names.length] };
    case "boxes":
      return { dtype: "f32", shape: [field.reader.max, 4] };
    case "box_classes":
      return { dtype: "i64", shape: [field.reader.max] };
    // How many classes there are is held against the file when records are listed.
    case "masks":
      return {
        dtype: "bool",
        shape: [field.shape[0] ?? null, field.shape[1] ?? null, field.shape[2] ?? null],
      };
    case "area":
      return { dtype: "f32", shape: [field.shape[0] ?? null] };
    case "present":
      return { dtype: "bool", shape: [field.shape[0] ?? null] };
    case "picture":
    case "image_file":
    case "image": {
      const [channels, height = 1, width = 1] = field.shape;
      const given = channels === 1 ? 1 : 3;
      if (source.kind === "synthetic")
        return { dtype: "u8", shape: [given, source.height, source.width] };
      if (source.kind === "voc_tiles")
        return { dtype: "u8", shape: [given, source.size, source.size] };
      return { dtype: "u8", shape: [given, height, width] };
    }
    default:
      return assertNever(kind);
  }
}

const sameType = (a: FieldType, b: FieldType): boolean =>
  a.dtype === b.dtype &&
  a.shape.length === b.shape.length &&
  a.shape.every((extent, axis) => extent === b.shape[axis]);
