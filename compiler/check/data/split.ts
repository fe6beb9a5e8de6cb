/** How records are dealt to training, validation and test: by share, by a column's words, by time. */

import type { DatasetDecl, Entry, SplitMember } from "../../../grammar/ast.js";
import { alreadyDefined, missingKey, unknownName } from "../../../grammar/diagnostics/names.js";
import { splitShares } from "../../../grammar/diagnostics/program.js";
import { wrongType } from "../../../grammar/diagnostics/types.js";
import { suggest } from "../../../grammar/suggest.js";
import { printType } from "../../ir/type.js";
import type { DataSplit } from "../../plan/data.js";
import type { Bound } from "../bind.js";
import { bindEntries } from "../entries.js";
import { type Frame, report } from "../frame.js";
import { settingsOf } from "../read.js";
import { signature } from "../signature.js";
import { bindCall } from "./data-call.js";
import { checkColumn } from "./content.js";
import { type Preparation, splitNames } from "./preparation.js";
import { textsOf } from "./reader-table.js";
import type { CheckedSource } from "./sources.js";

// `stratify` names a field: it is read as written, for a train may have the same name.
const dealtFormals = signature(
  "split(train: percent, val: percent = 0%, test: percent = 0%, seed: int, stratify: bool = false)",
);
const timeFormals = signature("time(train: percent, val: percent = 0%, test: percent = 0%)");
const wordFormals = signature("words(train: string[], val: string[] = [], test: string[] = [])");
const columnFormals = {
  column: signature("column(name: string)"),
  time: signature("time(name: string)"),
} as const;

/** `split by group { train: 70%  seed: 1 }`; `null` after a report, or without a source. */
export function checkSplit(
  frame: Frame,
  declaration: DatasetDecl,
  source: CheckedSource | null,
  preparation: Preparation,
): DataSplit | null {
  const members = declaration.members.filter(
    (member): member is SplitMember => member.kind === "split",
  );
  const [split, second] = members;
  if (second !== undefined) report(frame, alreadyDefined, { name: "split" }, second.span);
  if (split === undefined) {
    const owner = `\`${declaration.name.text}\``;
    report(frame, missingKey, { key: "split", owner }, declaration.name.span);
    return null;
  }
  if (split.args !== null) return byColumn(frame, split, source, preparation);
  if (split.by === null) return dealt(frame, split, null, preparation);
  return source === null || isGroup(frame, split, source)
    ? dealt(frame, split, split.by.text, preparation)
    : null;
}

/** Whether the source binds the name; a column is told to be written as one. */
function isGroup(frame: Frame, { by }: SplitMember, source: CheckedSource): boolean {
  if (by === null || source.groups.includes(by.text)) return true;
  const { text: name, span } = by;
  if (source.groups.length === 0 && source.names?.includes(name) === true) {
    const expected = `\`column("${name}")\`, as it is a column`;
    report(
      frame,
      wrongType,
      { what: "what `split` goes by", expected, found: `\`${name}\`` },
      span,
    );
    return false;
  }
  const suggestion = suggest(name, source.groups) ?? source.groups[0] ?? null;
  report(frame, unknownName, { name, suggestion }, span);
  return false;
}

type By = Extract<DataSplit, { kind: "dealt" }>["by"];

function dealt(
  frame: Frame,
  split: SplitMember,
  by: By,
  preparation: Preparation,
): DataSplit | null {
  const named = split.entries.find(({ key }) => key.length === 1 && key[0]?.text === "stratify");
  const entries = split.entries.map((entry): Entry =>
    entry.value !== null && entry.key[0]?.text === "stratify"
      ? { ...entry, value: { kind: "bool", value: true, span: entry.value.span } }
      : entry,
  );
  const schema = { owner: "`split`", formals: dealtFormals };
  const bound = bindEntries(frame, schema, entries, split.span);
  if (bound === null) return null;
  const shares = sharesOf(frame, split, bound);
  const seed = bound.get("seed")?.meaning;
  const stratify = named === undefined ? null : stratifyOf(frame, named, preparation);
  if (shares === null || seed?.kind !== "int" || stratify === undefined) return null;
  const plain = stratify === null && (by === null || typeof by === "string");
  if (plain) return { by, ...shares, seed: seed.value };
  return { kind: "dealt", by, ...shares, seed: seed.value, stratify };
}

function sharesOf(frame: Frame, split: SplitMember, bound: ReadonlyMap<string, Bound>) {
  const [train, val, test] = splitNames.map((name) => {
    const share = bound.get(name)?.meaning;
    return share?.kind === "quantity" ? share.value / 100 : null;
  });
  if (typeof train !== "number" || typeof val !== "number" || typeof test !== "number") return null;
  const shares = { train, val, test };
  const sum = train + val + test;
  if (Math.abs(sum - 1) <= 1e-9 && train > 0) return shares;
  if (Math.abs(sum - 1) <= 1e-9) {
    const span = bound.get("train")?.span ?? split.span;
    report(
      frame,
      wrongType,
      { what: "`train` of `split`", expected: "above 0%", found: "0%" },
      span,
    );
  } else report(frame, splitShares, { sum: `${Number((sum * 100).toFixed(6))}%` }, split.span);
  return null;
}

/** The field's name; `undefined` after a report. */
function stratifyOf(
  frame: Frame,
  { value }: Entry,
  { fields, broken, absent }: Preparation,
): string | undefined {
  if (value === null) return undefined; // reported with the entries
  const name = value.kind === "name" ? value.name : null;
  const field = name === null ? undefined : fields.get(name);
  if (name !== null && (broken.has(name) || (absent.has(name) && field === undefined)))
    return undefined;
  if (name !== null && field === undefined) {
    report(frame, unknownName, { name, suggestion: suggest(name, fields.keys()) }, value.span);
    return undefined;
  }
  const isOne = field?.type.shape.every((extent) => extent === 1) === true;
  const isWhole = field !== undefined && ["bool", "i64", "i32", "u8"].includes(field.type.dtype);
  if (name !== null && isOne && isWhole) return name;
  const params = {
    what: "`stratify` of `split`",
    expected: "a field of one class or `bool` per record",
    found: field === undefined ? "another expression" : `\`${printType(field.type)}\``,
  };
  report(frame, wrongType, params, value.span);
  return undefined;
}

/** `split by column("split") { val: "valid" }`, `split by column("fire") { val: 20% … }`, `split by time("date") { … }`. */
function byColumn(
  frame: Frame,
  split: SplitMember,
  source: CheckedSource | null,
  preparation: Preparation,
): DataSplit | null {
  const { by, args } = split;
  const kind = by?.text === "column" || by?.text === "time" ? by.text : null;
  if (by === null || args === null || kind === null) {
    const suggestion = suggest(by?.text ?? "", ["column", "time"]) ?? "column";
    report(frame, unknownName, { name: by?.text ?? "", suggestion }, by?.span ?? split.span);
    return null;
  }
  const call = bindCall(frame, columnFormals[kind], {
    callee: kind,
    calleeSpan: by.span,
    args,
    span: by.span,
  });
  if (call === null || source === null) return null;
  const tables = tablesOf(source);
  if (tables.length === 0) {
    const params = { what: `what \`${kind}\` reads`, expected: "a source with columns" };
    report(frame, wrongType, { ...params, found: `\`${source.callee}(…)\`` }, by.span);
    return null;
  }
  const name = call.settings.text("name");
  const span = call.bound.get("name")?.span ?? by.span;
  const words = kind === "column" && split.entries.some(isWords) ? wordsOf(frame, split) : null;
  if (words === undefined) return null;
  const use = {
    name,
    span,
    words: words === null ? null : splitNames.flatMap((each) => words[each]),
    expected: "a word of the split",
    allWords: true,
    type: null,
  };
  const known = tables.length === 1 ? tables : tables.filter(({ names }) => names?.includes(name));
  if (!(known.length === 0 ? tables.slice(0, 1) : known).every((t) => checkColumn(frame, t, use)))
    return null;
  return columnSplit(frame, split, { kind, name, words }, preparation);
}

interface ColumnSplit {
  readonly kind: "column" | "time";
  readonly name: string;
  readonly words: Words | null;
}

type Words = Readonly<Record<(typeof splitNames)[number], string[]>>;

function columnSplit(
  frame: Frame,
  split: SplitMember,
  { kind, name, words }: ColumnSplit,
  preparation: Preparation,
): DataSplit | null {
  if (words !== null) return { kind: "words", column: name, ...words };
  if (kind === "column") return dealt(frame, split, { column: name }, preparation);
  const schema = { owner: "`split by time`", formals: timeFormals };
  const bound = bindEntries(frame, schema, split.entries, split.span);
  const shares = bound === null ? null : sharesOf(frame, split, bound);
  return shares === null ? null : { kind: "time", column: name, ...shares };
}

const isWords = ({ value }: Entry): boolean => value?.kind === "string" || value?.kind === "list";

/** The words of each split; `undefined` after a report. */
function wordsOf(frame: Frame, split: SplitMember): Words | undefined {
  const schema = { owner: "`split by column`", formals: wordFormals };
  const bound = bindEntries(frame, schema, split.entries, split.span);
  if (bound === null || !settingsOf(bound).isKnown) return undefined;
  const { meaning } = settingsOf(bound);
  const words = {
    train: textsOf(meaning("train")),
    val: textsOf(meaning("val")),
    test: textsOf(meaning("test")),
  };
  const all = splitNames.flatMap((name) => words[name].map((word) => ({ name, word })));
  const twice = all.find(({ word }, i) => all.findIndex((other) => other.word === word) !== i);
  if (twice === undefined) return words;
  const params = {
    what: `\`${twice.name}\` of \`split\``,
    expected: "a word that no other split has",
    found: JSON.stringify(twice.word),
  };
  report(frame, wrongType, params, bound.get(twice.name)?.span ?? split.span);
  return undefined;
}

/** The tables among a source's parts. */
const tablesOf = (source: CheckedSource): readonly CheckedSource[] =>
  source.parts.length > 0
    ? source.parts.flatMap((part) => tablesOf(part.source))
    : ["csv", "parquet"].includes(source.callee)
      ? [source]
      : [];
