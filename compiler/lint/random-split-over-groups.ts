/** `lint/random-split-over-groups`: twins dealt to different splits. */

import type { DatasetDecl, Expr, SplitMember } from "../../grammar/ast.js";
import { diagnose, type Diagnostic, type Fix } from "../../grammar/diagnostic.js";
import { randomSplitOverGroups } from "../../grammar/diagnostics/lint.js";
import { isNode } from "./syntax.js";
import type { LintRule } from "./rule.js";

export const splitRule: LintRule = {
  code: "lint/random-split-over-groups",
  example: {
    wrong: "split random { train: 70%  val: 15%  test: 15%  seed: 1 }",
    right: "split by frame { train: 70%  val: 15%  test: 15%  seed: 1 }",
  },
  check: ({ modules }) =>
    modules.flatMap(({ module }) =>
      module.declarations.flatMap((declaration) =>
        declaration.kind === "dataset" ? check(declaration) : [],
      ),
    ),
};

/** Words that name what several records have in common. */
const groupWords = new Set([
  "camera",
  "case",
  "clip",
  "event",
  "frame",
  "group",
  "household",
  "patient",
  "person",
  "scene",
  "sequence",
  "session",
  "site",
  "speaker",
  "subject",
  "user",
  "video",
]);

/** `patient`, `patient_id`, `cameraName`; a bare `id` or `i` tells single records apart. */
function isGroupLike(name: string): boolean {
  const words = name
    .replaceAll(/([a-z])([A-Z])/gu, "$1_$2")
    .toLowerCase()
    .split(/[_\W]+/u)
    .filter((word) => word !== "");
  return words.some((word) => groupWords.has(word)) || (words.length > 1 && words.at(-1) === "id");
}

/** What records have in common: its name, and what `split by` takes for it. */
interface Group {
  readonly name: string;
  readonly by: string;
}

function check({ name, members }: DatasetDecl): readonly Diagnostic[] {
  return members.flatMap((member) => {
    if (member.kind !== "split" || member.by !== null) return [];
    const [group] = groupsIn(members);
    if (group === undefined) return [];
    const params = { group: group.name, by: group.by, dataset: name.text };
    const fix = byGroup(member, group);
    return [diagnose(randomSplitOverGroups, params, member.span, fix === null ? {} : { fix })];
  });
}

/** Names in braces of the source's patterns, and columns that fields are read from. */
function groupsIn(members: DatasetDecl["members"]): readonly Group[] {
  return members.flatMap((member) => {
    if (member.kind === "entry" && member.key[0]?.text === "source" && member.value !== null)
      return namesInBraces(member.value).map((name) => ({ name, by: name }));
    return member.kind === "field"
      ? columnNames(member.reader).map((name) => ({ name, by: `column("${name}")` }))
      : [];
  });
}

const namesInBraces = (expr: Expr): readonly string[] =>
  stringsIn(expr)
    .flatMap((text) => [...text.matchAll(/\{(\w+)(?::[^}]*)?\}/gu)].map((match) => match[1] ?? ""))
    .filter(isGroupLike);

/** `column("patient_id")`, `columns(["x", "event"])`, `image("{patient}/{i}.png")`. */
const columnNames = (reader: Expr): readonly string[] =>
  reader.kind === "call" &&
  reader.callee.kind === "name" &&
  ["column", "columns"].includes(reader.callee.name)
    ? stringsIn(reader.args).filter(isGroupLike)
    : namesInBraces(reader);

function stringsIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(stringsIn);
  if (!isNode(value)) return [];
  if ("kind" in value && value.kind === "string" && "value" in value)
    return typeof value.value === "string" ? [value.value] : [];
  return Object.values(value).flatMap(stringsIn);
}

function byGroup({ span }: SplitMember, { by }: Group): Fix | null {
  const { source, start, end } = span;
  const match = /^split\s+random\b/u.exec(source.text.slice(start, end));
  if (match === null) return null;
  const from = start + match[0].length - "random".length;
  return {
    span: { source, start: from, end: start + match[0].length },
    text: `by ${by}`,
  };
}
