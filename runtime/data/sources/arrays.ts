/** The source of arrays whose first axis is the record. */

import type { DataProgram, PlainSource } from "../../../compiler/plan/data.js";
import { arrayDiffers, arrayUnknown, lengthsDiffer } from "../../../grammar/diagnostics/dataset.js";
import { suggest } from "../../../grammar/suggest.js";
import { arrayNamesIn, type ArrayReader, openArray } from "../array-file.js";
import { badData, printType } from "../bad-data.js";
import type { SourceRecord } from "../record.js";

type Arrays = Extract<PlainSource, { kind: "arrays" }>;
type Field = DataProgram["fields"][number];

/**
 * Opens the array of a field. An array that is not there, and elements of another type or shape
 * than declared, are faults.
 */
export function openFieldArray(source: Arrays, field: Field, name: string | null): ArrayReader {
  const { file } = source;
  const place = `${file}, field \`${field.name}\``;
  const array = openArray(source, name);
  if (array === null) {
    const known = arrayNamesIn(source);
    const params = { name: name ?? "", file, known, suggestion: suggest(name ?? "", known) };
    throw badData(arrayUnknown, params, place);
  }
  const [, ...record] = array.shape;
  const fits =
    array.shape.length > 0 &&
    array.dtype === field.dtype &&
    record.length === field.shape.length &&
    record.every((extent, axis) => (field.shape[axis] ?? extent) === extent);
  if (fits) return array;
  const params = {
    field: field.name,
    name: array.name,
    file,
    expected: printType(field.dtype, field.shape),
    found: array.shape.length === 0 ? "one number" : printType(array.dtype, record),
  };
  throw badData(arrayDiffers, params, place);
}

/** Records by their index, as many as each array has that a field reads. */
export function listArrays(source: Arrays, fields: readonly Field[]): readonly SourceRecord[] {
  const arrays = fields.flatMap((field) =>
    field.reader.kind === "array" ? [openFieldArray(source, field, field.reader.name)] : [],
  );
  const [first] = arrays;
  const other = arrays.find(({ shape }) => shape[0] !== first?.shape[0]);
  if (first !== undefined && other !== undefined)
    throw badData(
      lengthsDiffer,
      {
        first: first.name,
        firstLength: first.shape[0] ?? 0,
        second: other.name,
        secondLength: other.shape[0] ?? 0,
      },
      source.file,
    );
  return Array.from({ length: first?.shape[0] ?? 0 }, (_, index) => ({
    id: String(index),
    file: source.file,
    properties: {},
    label: null,
    tile: null,
    columns: {},
    line: null,
  }));
}
