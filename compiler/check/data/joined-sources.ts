/** `zip` and `concat`: records of several sources joined, or one after the other. */

import type { Argument, Expr } from "../../../grammar/ast.js";
import {
  columnUnknown,
  lengthsDiffer,
  partsDisagree,
} from "../../../grammar/diagnostics/dataset.js";
import { alreadyDefined } from "../../../grammar/diagnostics/names.js";
import { duplicateArgument, wrongType } from "../../../grammar/diagnostics/types.js";
import { printSpan } from "../../../grammar/source.js";
import { suggest } from "../../../grammar/suggest.js";
import type { DataSource } from "../../plan/data.js";
import { evaluate, type Frame, report } from "../frame.js";
import { describe } from "../value.js";
import { type DataCall, knownCall } from "./data-call.js";
import { readerNames } from "./reader-table.js";
import { type CheckedSource, checkPlainSource, sourceForms, type SourcePart } from "./sources.js";

const plainNames = Object.keys(sourceForms);
const partsOfZip = [...plainNames, "concat"];
/** Every call that may stand as a source. */
const sourceNames = [...partsOfZip, "zip"];

/** `source:`, or a part of one where only `known` may stand; `null` after a report. */
export function checkSource(
  frame: Frame,
  expr: Expr,
  what = "`source`",
  known: readonly string[] = sourceNames,
): CheckedSource | null {
  const elsewhere = [...sourceNames, ...readerNames].filter((name) => !known.includes(name));
  const call = knownCall(frame, expr, { what, known, elsewhere });
  if (call === null) return null;
  if (call.callee === "zip") return checkZip(frame, call);
  return call.callee === "concat" ? checkConcat(frame, call) : checkPlainSource(frame, call);
}

function checkZip(frame: Frame, call: DataCall): CheckedSource | null {
  const settings = ["by", "missing"].map((name) =>
    call.args.filter((argument) => argument.name?.text === name),
  );
  const twice = settings.flatMap((own) => own.slice(1));
  for (const { name, span } of twice)
    report(frame, duplicateArgument, { callee: "zip", name: name?.text ?? "" }, span);
  const given = call.args.filter((argument) => !settings.flat().includes(argument));
  const parts = checkParts(frame, call, given, partsOfZip);
  const [by, absent] = settings.map(([first]) => first);
  const key = by === undefined ? null : keyOf(frame, by);
  const missing = absent === undefined ? "error" : policyOf(frame, absent, key ?? null);
  if (parts === null || key === undefined || missing === null || twice.length > 0) return null;
  if (key === null ? !sameLengths(frame, call, parts) : !haveKey(frame, parts, key, by))
    return null;
  const sources = parts.map(({ source }) => source);
  return {
    callee: "zip",
    span: call.span,
    source: {
      kind: "zip",
      by: key,
      missing,
      parts: parts.map(({ name, source }) => ({ name, source: source.source })),
      place: printSpan(call.span),
    },
    names: unionOf(sources.map(({ names }) => names)),
    groups: sources.flatMap(({ groups }) => groups),
    classes: sources.find(({ classes }) => classes.length > 0)?.classes ?? [],
    extent: null,
    content: null,
    shown: "",
    parts,
  };
}

function checkConcat(frame: Frame, call: DataCall): CheckedSource | null {
  const parts = checkParts(frame, call, call.args, plainNames);
  const first = parts?.[0]?.source;
  if (parts === null || first === undefined) return null;
  for (const { source } of parts) {
    const problem =
      source.callee !== first.callee
        ? `\`${first.callee}\` and \`${source.callee}\` have records of different kinds`
        : source.classes.join() !== first.classes.join()
          ? `the classes of a part are ${listed(source)}, of the first ${listed(first)}`
          : source.extent?.join(" x ") !== first.extent?.join(" x ")
            ? "the parts' pictures have different sizes"
            : null;
    if (problem === null) continue;
    report(frame, partsDisagree, { problem }, source.span, [
      { span: first.span, text: "the first part" },
    ]);
    return null;
  }
  return {
    ...first,
    callee: "concat",
    span: call.span,
    source: {
      kind: "concat",
      parts: parts.map(({ source }) => source.source),
      place: printSpan(call.span),
    },
    names: unionOf(parts.map(({ source }) => source.names)),
    groups: first.groups.filter((name) =>
      parts.every(({ source }) => source.groups.includes(name)),
    ),
    content: null,
    shown: "",
    parts,
  };
}

const listed = ({ classes }: CheckedSource): string =>
  classes.length === 0 ? "all" : classes.map((name) => `\`${name}\``).join(", ");

const unionOf = (lists: readonly (readonly string[] | null)[]): readonly string[] | null =>
  lists.some((list) => list === null) ? null : [...new Set(lists.flatMap((list) => list ?? []))];

function checkParts(
  frame: Frame,
  call: DataCall,
  given: readonly Argument[],
  known: readonly string[],
): readonly SourcePart[] | null {
  if (given.length < 2) {
    const what = `the parts of \`${call.callee}\``;
    report(
      frame,
      wrongType,
      { what, expected: "at least two sources", found: String(given.length) },
      call.span,
    );
    return null;
  }
  const names = given.flatMap(({ name }) => (name === null ? [] : [name]));
  const twice = names.find(({ text }, i) => names.findIndex((name) => name.text === text) !== i);
  if (twice !== undefined) report(frame, alreadyDefined, { name: twice.text }, twice.span);
  const parts = given.map(({ name, value }) => ({
    name: name?.text ?? null,
    source: checkSource(frame, value, `a part of \`${call.callee}\``, known),
  }));
  const sound = parts.flatMap(({ name, source }) => (source === null ? [] : [{ name, source }]));
  return sound.length === parts.length && twice === undefined ? sound : null;
}

/** `by: index` is `null`, `by: "key"` the key; `undefined` after a report. */
function keyOf(frame: Frame, by: Argument): string | null | undefined {
  if (by.value.kind === "name" && by.value.name === "index") return null;
  const meaning = evaluate(frame, by.value);
  if (meaning.kind === "string") return meaning.value;
  if (meaning.kind !== "unknown") {
    const params = { what: "`by` of `zip`", expected: '`index` or a key such as `"id"`' };
    report(frame, wrongType, { ...params, found: describe(meaning) }, by.value.span);
  }
  return undefined;
}

/** `missing: error` or `missing: drop`, which only a join by a key can ask for. */
function policyOf(
  frame: Frame,
  { value }: Argument,
  key: string | null,
): Extract<DataSource, { kind: "zip" }>["missing"] | null {
  const word = value.kind === "name" ? value.name : "";
  if (key !== null && (word === "error" || word === "drop")) return word;
  const params =
    key === null
      ? { what: "`missing` of `zip`", expected: 'beside a key: `by: "id"`', found: "no key" }
      : { what: "`missing` of `zip`", expected: "`error` or `drop`", found: "another expression" };
  if (value.kind !== "broken") report(frame, wrongType, params, value.span);
  return null;
}

function haveKey(
  frame: Frame,
  parts: readonly SourcePart[],
  key: string,
  by: Argument | undefined,
): boolean {
  for (const { source } of parts) {
    const { names: known } = source;
    if (known === null || known.includes(key)) continue;
    const file = source.shown === "" ? source.callee : source.shown;
    const params = { column: key, file, known, suggestion: suggest(key, known) };
    report(frame, columnUnknown, params, by?.value.span ?? source.span);
    return false;
  }
  return true;
}

/** Arrays tell their number of records: those that are known must be equal. */
function sameLengths(frame: Frame, call: DataCall, parts: readonly SourcePart[]): boolean {
  const known = parts.flatMap(({ source }) => {
    const arrays = source.content?.kind === "arrays" ? source.content.arrays : [];
    const [length] = arrays[0]?.shape ?? [];
    return length === undefined || arrays.length > 1 ? [] : [{ length, file: source.shown }];
  });
  const [first] = known;
  const other = known.find(({ length }) => length !== first?.length);
  if (first === undefined || other === undefined) return true;
  const params = {
    first: first.file,
    firstLength: first.length,
    second: other.file,
    secondLength: other.length,
  };
  report(frame, lengthsDiffer, params, call.span);
  return false;
}
