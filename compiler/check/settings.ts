/** Setting types: whether a compile-time value fits `int`, `float[2]`, `dim | none`, `pre | post`. */

import type { TypeNode } from "../../grammar/ast.js";
import { unitMismatch, wrongType } from "../../grammar/diagnostics/types.js";
import { unknownName } from "../../grammar/diagnostics/names.js";
import type { Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import { dtypes } from "../ir/type.js";
import { asNumber, describe, type Meaning, unknown } from "./value.js";
import { evaluate, type Frame, leavesOpen, report } from "./frame.js";

/** One alternative of a setting type. */
interface Alternative {
  readonly name: string;
  /** `undefined` for a single value, `null` for a list of any length. */
  readonly length: number | null | undefined;
}

/** The names of setting types; every other name in one is a word. */
export const builtinTypes = [
  "int",
  "float",
  "bool",
  "string",
  "path",
  "dim",
  "duration",
  "bytes",
  "init",
  "weights",
  "block",
  "none",
  "word",
  "percent",
  "dtype",
] as const;

/** The alternatives of a type as written. `f32[…]` is not one of them: that is a tensor. */
export function alternativesOf(frame: Frame, type: TypeNode): readonly Alternative[] {
  if (type.kind === "tensor-type") {
    // `string[]` reads like a tensor type of the dtype `string`.
    const [dim] = type.dims;
    const size = dim?.size ?? null;
    const length = size === null ? null : asNumber(evaluate(frame, size));
    return [{ name: type.dtype.text, length }];
  }
  if (type.kind === "list-type")
    return alternativesOf(frame, type.item).map(({ name }) => ({ name, length: null }));
  return type.alternatives.map(({ name, length }) => ({
    name: name.text,
    length: length === null ? undefined : (asNumber(evaluate(frame, length)) ?? null),
  }));
}

export const isTensorType = (type: TypeNode): boolean =>
  type.kind === "tensor-type" && dtypes.some((dtype) => dtype === type.dtype.text);

/** The words a type offers: they are looked up before names in scope. */
export function wordsOf(type: TypeNode | null): ReadonlySet<string> | null {
  if (type === null || type.kind !== "setting-type") return null;
  const words = type.alternatives.flatMap(({ name }) =>
    name.text === "duration"
      ? ["rest"]
      : builtinTypes.some((builtin) => builtin === name.text)
        ? []
        : [name.text],
  );
  return words.length === 0 ? null : new Set(words);
}

/** Whether any bare name is taken as a word: `classes: word[]`. */
export const takesAnyWord = (type: TypeNode | null): boolean =>
  type !== null &&
  (type.kind === "tensor-type"
    ? type.dtype.text === "word"
    : type.kind === "setting-type" && type.alternatives.some(({ name }) => name.text === "word"));

const printSettingType = (alternatives: readonly Alternative[]): string =>
  alternatives
    .map(({ name, length }) => `\`${name}${length === undefined ? "" : `[${length ?? ""}]`}\``)
    .join(" or ");

/** Converts a value to the first alternative it fits, or reports it. */
export function conform(
  frame: Frame,
  meaning: Meaning,
  type: TypeNode,
  span: Span,
  what: string,
): Meaning {
  if (meaning.kind === "unknown") return meaning;
  const alternatives = alternativesOf(frame, type);
  // What is wrong with an item has been said.
  if (
    meaning.kind === "list" &&
    meaning.items.some(({ kind }) => kind === "unknown") &&
    alternatives.some(({ length }) => length === null || length === meaning.items.length)
  )
    return unknown;
  // A size that only an application settles may stand for any integer.
  const sized = alternatives.filter(({ name }) => name === "int");
  if (meaning.kind === "dim" && sized.length > 0 && leavesOpen(frame))
    return sized.some(({ length }) => length === undefined) ? meaning : unknown;
  for (const alternative of alternatives) {
    const fitted = fit(meaning, alternative);
    if (fitted !== null) return fitted;
  }
  if (meaning.kind === "word") {
    const suggestion = suggest(meaning.text, wordsOf(type) ?? []);
    if (suggestion !== null) {
      report(frame, unknownName, { name: meaning.text, suggestion }, span);
      return unknown;
    }
  }
  const expected = printSettingType(alternatives);
  const found = describe(meaning);
  const wantsUnit = alternatives.some(
    ({ name }) => name === "duration" || name === "percent" || name === "bytes",
  );
  if (wantsUnit || meaning.kind === "quantity") {
    const named = expected
      .replace("`duration`", "a duration in `steps`, `epochs` or `%`")
      .replace("`percent`", "a share in `%`")
      .replace("`bytes`", "a size such as `20 GiB`");
    report(frame, unitMismatch, { what, expected: named, found }, span);
  } else report(frame, wrongType, { what, expected, found }, span);
  return unknown;
}

function fit(meaning: Meaning, { name, length }: Alternative): Meaning | null {
  if (name === "weights") return meaning.kind === "weights" && length === null ? meaning : null;
  if (length === undefined) return fitOne(meaning, name);
  if (meaning.kind === "list") {
    if (length !== null && meaning.items.length !== length) return null;
    const items = meaning.items.map((item) => fitOne(item, name));
    return items.every((item) => item !== null) ? { kind: "list", items } : null;
  }
  // One value fills a list of known length, and is a list of one otherwise.
  const one = fitOne(meaning, name);
  return one === null
    ? null
    : { kind: "list", items: Array.from({ length: length ?? 1 }, () => one) };
}

function fitOne(meaning: Meaning, name: string): Meaning | null {
  switch (name) {
    case "int":
      return meaning.kind === "int" ? meaning : null;
    case "float":
      return meaning.kind === "int" || meaning.kind === "float"
        ? { kind: "float", value: meaning.value }
        : null;
    case "dim":
      return (meaning.kind === "int" && meaning.value >= 0) || meaning.kind === "dim"
        ? meaning
        : null;
    case "bool":
      return meaning.kind === "bool" ? meaning : null;
    case "string":
    case "path":
      return meaning.kind === "string" ? meaning : null;
    case "none":
      return meaning.kind === "none" ? meaning : null;
    case "duration":
      return meaning.kind === "quantity" && ["step", "epoch", "%"].includes(meaning.unit)
        ? meaning
        : meaning.kind === "word" && meaning.text === "rest"
          ? meaning
          : null;
    case "bytes":
      return meaning.kind === "quantity" && meaning.unit.endsWith("B") ? meaning : null;
    case "percent":
      return meaning.kind === "quantity" && meaning.unit === "%" ? meaning : null;
    case "init":
      if (meaning.kind === "init") return meaning;
      return meaning.kind === "int" || meaning.kind === "float"
        ? { kind: "init", recipe: { kind: "constant", value: meaning.value } }
        : null;
    case "block":
      return meaning.kind === "recipe" ||
        (meaning.kind === "definition" && meaning.definition.declaration.kind === "block")
        ? meaning
        : null;
    case "word":
      return meaning.kind === "word"
        ? meaning
        : meaning.kind === "string"
          ? { kind: "word", text: meaning.value }
          : null;
    case "dtype":
      return meaning.kind === "word" && dtypes.some((dtype) => dtype === meaning.text)
        ? meaning
        : null;
    default:
      return meaning.kind === "word" && meaning.text === name ? meaning : null;
  }
}
