/** What data files say of themselves, held against the program: columns, values, arrays, categories. */

import {
  arrayDiffers,
  arrayUnknown,
  categoryUnknown,
  columnClassMissing,
  columnUnknown,
  columnValue,
  fileMalformed,
} from "../../../grammar/diagnostics/dataset.js";
import type { Span } from "../../../grammar/source.js";
import { suggest } from "../../../grammar/suggest.js";
import type { ColumnDescription, DataDescription, FileRequest } from "../../plan/description.js";
import { isFloat, printType, type TensorType } from "../../ir/type.js";
import type { DataSource } from "../../plan/data.js";
import { type Frame, report } from "../frame.js";
import { isRaw } from "./field-type.js";
import type { CheckedSource } from "./sources.js";

/** Asks the host; `null` where the file is not there, `"wrong"` after a report. */
export function describeContent(
  frame: Frame,
  source: DataSource,
  file: { readonly shown: string; readonly span: Span },
): DataDescription | null | "wrong" {
  const request = requestFor(source);
  const content = request === null ? null : (frame.elaboration.describeData?.(request) ?? null);
  if (request === null || content === null) return null;
  const { shown, span } = file;
  if (content.kind === "malformed") {
    const params = { file: shown, format: request.kind, problem: content.problem };
    report(frame, fileMalformed, params, span);
    return "wrong";
  }
  if (content.kind !== "annotations" || source.kind !== "coco") return content;
  const known = content.classes;
  const missing = source.classes
    ?.flatMap((name) => source.names[name] ?? [name])
    .find((name) => !known.includes(name));
  if (missing === undefined) return content;
  const suggestion = suggest(missing, known);
  report(frame, categoryUnknown, { name: missing, file: shown, known, suggestion }, span);
  return "wrong";
}

function requestFor(source: DataSource): FileRequest | null {
  switch (source.kind) {
    case "csv":
      return { kind: "csv", file: source.file, delimiter: source.delimiter };
    case "arrays":
      return { kind: source.format, file: source.file };
    case "coco":
      return { kind: "coco", file: source.annotations };
    default:
      return null;
  }
}

/** What a column must hold: one of some words, or values of a type. */
export interface ColumnUse {
  readonly name: string;
  readonly span: Span;
  readonly words: readonly string[] | null;
  /** What the words are called: `one of the classes`. */
  readonly expected: string;
  /** Whether a word that no record has is a mistake. */
  readonly allWords: boolean;
  readonly type: TensorType | null;
}

/** Whether a table has a column and it holds what it must, as far as its file tells. */
export function checkColumn(frame: Frame, source: CheckedSource, use: ColumnUse): boolean {
  const { content, shown: file } = source;
  if (content?.kind !== "table") return true;
  const column = content.columns.find(({ name }) => name === use.name);
  if (column === undefined) {
    const known = content.columns.map(({ name }) => name);
    const suggestion = suggest(use.name, known);
    report(frame, columnUnknown, { column: use.name, file, known, suggestion }, use.span);
    return false;
  }
  const wrong = firstWrong(column, use);
  if (wrong !== null) {
    const { text: value, line } = wrong.value;
    const { expected, suggestion } = wrong;
    const params = { column: use.name, file, line, value, expected, suggestion };
    report(frame, columnValue, params, use.span);
    return false;
  }
  const found = column.values.map(({ text }) => text);
  const missing =
    content.complete && use.allWords ? use.words?.find((word) => !found.includes(word)) : undefined;
  if (missing === undefined) return true;
  const params = { column: use.name, file, name: missing, found: found.slice(0, 12) };
  report(frame, columnClassMissing, params, use.span);
  return false;
}

function firstWrong({ values }: ColumnDescription, { words, expected, type }: ColumnUse) {
  if (words !== null) {
    const value = values.find(({ text }) => !words.includes(text));
    return value === undefined ? null : { value, expected, suggestion: suggest(value.text, words) };
  }
  if (type === null) return null;
  const kind = isFloat(type.dtype) ? "number" : type.dtype === "bool" ? "bool" : "integer";
  const value = values.find(({ text }) => !patterns[kind].test(text.trim()));
  return value === undefined ? null : { value, expected: names[kind], suggestion: null };
}

const patterns = {
  number: /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$|^[+-]?(?:inf|nan)$/i,
  integer: /^[+-]?\d+$/,
  bool: /^(?:true|false|0|1)$/i,
} as const;

const names = { number: "a number", integer: "an integer", bool: "`true` or `false`" } as const;

/** A file's one array, or the one of a name, against the field's type and its records. */
export function checkArray(
  frame: Frame,
  source: CheckedSource,
  array: { readonly name: string | null; readonly span: Span },
  field: { readonly name: string; readonly type: TensorType; readonly span: Span },
): boolean {
  const { content, shown: file } = source;
  const known = arrayNames(source);
  if (known === null) return true;
  const { name } = array;
  if (name === null ? known.length > 1 : !known.includes(name)) {
    const params = { name: name ?? "", file, known, suggestion: suggest(name ?? "", known) };
    report(frame, arrayUnknown, params, array.span);
    return false;
  }
  if (content?.kind !== "arrays") return true;
  const found = content.arrays.find((each) => name === null || each.name === name);
  if (found === undefined) return true;
  const [, ...record] = found.shape;
  const { dtype, shape } = field.type;
  const fits =
    found.dtype === dtype &&
    record.length === shape.length &&
    record.every((extent, axis) => shape[axis] === extent || isRaw(shape[axis]));
  if (fits && found.shape.length > 0) return true;
  const params = {
    field: field.name,
    name: found.name,
    file,
    expected: printType(field.type),
    found: found.shape.length === 0 ? "one number" : `${found.dtype}[${record.join(", ")}]`,
  };
  report(frame, arrayDiffers, params, field.span);
  return false;
}

/** The names of a file's arrays; `null` where they are not known. */
export function arrayNames({ source, content, shown }: CheckedSource): readonly string[] | null {
  if (content?.kind === "arrays") return content.arrays.map(({ name }) => name);
  if (source.kind !== "arrays" || source.format !== "npy" || shown === "") return null;
  return [shown.replace(/^.*[\\/]/, "").replace(/\.npy$/i, "")];
}
