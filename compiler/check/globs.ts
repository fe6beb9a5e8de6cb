/** Globs over weight paths: `model.cnn.**`, `model.layers[0 .. 4].bn*`, `model.blocks.{i}.**`. */

import type { Expr, FreezeMember, GPath, GPathSegment } from "../../grammar/ast.js";
import { globMatchesNothing } from "../../grammar/diagnostics/program.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { suggest } from "../../grammar/suggest.js";
import { bind, createScope, evaluate, type Frame, report, type Stack } from "./frame.js";
import { nameMeaning } from "./names.js";
import { asNumber, describe, intOf, type Meaning } from "./value.js";

/** What the parts of a glob that are left open stand for in one path. */
export interface Captures {
  /** Indices by the names that bind them: `{i}`, `[g in 1 .. 3]`, `[e]`. */
  readonly names: ReadonlyMap<string, number>;
  /** What each `*` and `**` stands for, in order. */
  readonly stars: readonly string[];
}

type Part =
  | { readonly kind: "text"; readonly text: string }
  /** `*`, `bn*` */
  | { readonly kind: "star"; readonly prefix: string }
  /** `**` */
  | { readonly kind: "stars" }
  /** An index in a half-open range, after a fixed part; a name may be bound to it. */
  | {
      readonly kind: "index";
      readonly prefix: string;
      readonly from: number;
      readonly to: number;
      readonly name: string | null;
    };

/** The glob as written. */
export const printGlob = ({ span: { source, start, end } }: GPath): string =>
  source.text.slice(start, end);

/** The glob with what its expressions come to: `model.cells.3.**`. */
const printParts = (parts: readonly Part[]): string =>
  parts
    .map((part) => {
      switch (part.kind) {
        case "text":
          return part.text;
        case "star":
          return `${part.prefix}*`;
        case "stars":
          return "**";
        case "index":
          return part.prefix + printRange(part);
      }
    })
    .join(".")
    .replaceAll(".[", "[");

function printRange({ from, to, name }: Extract<Part, { kind: "index" }>): string {
  if (to === from + 1) return String(from);
  if (from === 0 && to === Infinity) return `{${name ?? ""}}`;
  return `[${name === null ? "" : `${name} in `}${from} ..${to === Infinity ? "" : ` ${to}`}]`;
}

/**
 * The paths a glob matches, and what its open parts stand for in each. A glob that ends in a plain
 * name may also name an instance: then all below it are meant. The name of a `weights[]` stands for
 * its globs, and a stack that `each` has made for all its copies where no index follows. `null` when the glob is wrong, or
 * matches none of the paths, which is reported.
 */
export function matchGlob(
  frame: Frame,
  glob: GPath,
  paths: readonly string[],
): ReadonlyMap<string, Captures> | null {
  const listed = listedIn(frame, glob);
  if (listed === "unknown") return null;
  if (listed !== null) {
    const found = new Map<string, Captures>();
    for (const each of listed) {
      const own = matchGlob(frame, each, paths);
      if (own === null) return null;
      for (const [path, captures] of own) if (!found.has(path)) found.set(path, captures);
    }
    return found;
  }
  const parts = partsOf(frame, glob);
  if (parts === null) return null;
  const exact = matchesOf(frame, parts, paths);
  const last = parts.at(-1);
  const named = last?.kind === "text" || last?.kind === "index";
  const matched =
    exact.size > 0 || !named ? exact : matchesOf(frame, [...parts, { kind: "stars" }], paths);
  if (matched.size > 0) return matched;
  const text = printParts(parts);
  const known = [...new Set(paths.flatMap(prefixes))];
  const stem = text.replace(/\.\*+$/, "");
  const nearest = suggest(stem, known);
  // One star stands for one segment: what lies deeper needs two.
  const respelled = nearest === stem ? `${stem}.**` : text.replace(stem, nearest ?? "");
  const suggestion = nearest === null ? null : respelled;
  report(frame, globMatchesNothing, { glob: text, suggestion }, glob.span);
  return null;
}

/** The same for paths that are no weights; nothing is said when none matches. */
export function pathsMatching(
  frame: Frame,
  glob: GPath,
  paths: readonly string[],
): ReadonlyMap<string, Captures> | null {
  const parts = partsOf(frame, glob);
  return parts === null ? null : matchesOf(frame, parts, paths);
}

/** The globs of the `weights[]` that a glob of one name means; `unknown` where it has been reported. */
function listedIn(frame: Frame, { segments, span }: GPath): readonly GPath[] | "unknown" | null {
  const [first, second] = segments;
  if (first === undefined || second !== undefined || first.index !== null || first.range !== null)
    return null;
  const place = { kind: "name", name: first.text, span } as const;
  const meaning = nameMeaning(frame, first.text, place);
  if (meaning?.kind === "unknown") return "unknown";
  return meaning?.kind === "weights" ? meaning.globs : null;
}

function matchesOf(
  frame: Frame,
  parts: readonly Part[],
  paths: readonly string[],
): ReadonlyMap<string, Captures> {
  const found = new Map<string, Captures>();
  for (const path of paths) {
    const segments = segmentsOf(path, frame.elaboration.stacks);
    const captures = matches(parts, segments, { names: new Map(), stars: [] });
    if (captures !== null) found.set(path, captures);
  }
  return found;
}

interface Segment {
  readonly text: string;
  /** Whether it counts the copies of a stack: a glob may leave it out. */
  readonly counts: boolean;
}

function segmentsOf(path: string, stacks: ReadonlyMap<string, Stack>): readonly Segment[] {
  const texts = path.split(".");
  if (stacks.size === 0) return texts.map((text) => ({ text, counts: false }));
  return texts.map((text, i) => ({ text, counts: stacks.has(texts.slice(0, i).join(".")) }));
}

const prefixes = (path: string): readonly string[] => {
  const segments = path.split(".");
  return segments.map((_, i) => segments.slice(0, i + 1).join("."));
};

/** The frame with the bound indices in sight. */
export function withCaptures(frame: Frame, { names }: Captures): Frame {
  if (names.size === 0) return frame;
  const scope = createScope(frame.scope);
  for (const [name, index] of names) bind(scope, name, intOf(index));
  return { ...frame, scope };
}

/** `null` when an expression in the glob is wrong, which is reported. */
function partsOf(frame: Frame, glob: GPath): readonly Part[] | null {
  const parts: Part[] = [];
  const scope = createScope(frame.scope);
  const inner: Frame = { ...frame, scope };
  for (const segment of glob.segments) {
    const own = segmentParts(inner, segment);
    if (own === null) return null;
    parts.push(...own);
  }
  return parts;
}

function segmentParts(frame: Frame, segment: GPathSegment): readonly Part[] | null {
  const head = headOf(frame, segment);
  if (head === null) return null;
  const { index, range, binder } = segment;
  if (index !== null) {
    const own = indexPart(frame, "", index);
    return own === null ? null : [head, own];
  }
  if (range === null) return [head];
  const from = boundOf(frame, range.from, 0);
  const to = range.to === null ? Infinity : boundOf(frame, range.to, 0);
  if (from === null || to === null) return null;
  return [head, { kind: "index", prefix: "", from, to, name: binder?.text ?? null }];
}

function headOf(frame: Frame, { text, computed }: GPathSegment): Part | null {
  if (computed !== null) return indexPart(frame, text, computed);
  if (text === "**") return { kind: "stars" };
  return text.endsWith("*") ? { kind: "star", prefix: text.slice(0, -1) } : { kind: "text", text };
}

/** `{i}` and `[e]`: a name that nothing else binds is bound by the match. */
function indexPart(frame: Frame, prefix: string, expr: Expr): Part | null {
  const open = { kind: "index" as const, prefix, from: 0, to: Infinity };
  if (expr.kind === "name" && isFree(frame, expr.name, expr)) return { ...open, name: expr.name };
  const meaning = evaluate(frame, expr);
  if (meaning.kind === "string") return { kind: "text", text: prefix + meaning.value };
  const value = asIndex(frame, meaning, expr);
  return value === null ? null : { ...open, from: value, to: value + 1, name: null };
}

/** Whether the name means nothing outside of paths; ops and functions are no indices. */
function isFree(frame: Frame, name: string, expr: Expr): boolean {
  const kind = nameMeaning(frame, name, expr)?.kind;
  return kind === undefined || kind === "op" || kind === "builtin" || kind === "float";
}

const boundOf = (frame: Frame, expr: Expr, least: number): number | null => {
  const value = asIndex(frame, evaluate(frame, expr), expr);
  return value === null ? null : Math.max(least, value);
};

function asIndex(frame: Frame, meaning: Meaning, expr: Expr): number | null {
  const value = asNumber(meaning);
  if (value !== null && Number.isInteger(value) && value >= 0) return value;
  if (meaning.kind !== "unknown") {
    const what = "an index of a path";
    const expected = "an integer from 0 on";
    report(frame, wrongType, { what, expected, found: describe(meaning) }, expr.span);
  }
  return null;
}

/**
 * What the open parts stand for, or `null`; `**` takes as few segments as it can, and indices of stacks
 * are left out only where nothing else matches.
 */
function matches(
  pattern: readonly Part[],
  path: readonly Segment[],
  captures: Captures,
): Captures | null {
  const found = matchesAsWritten(pattern, path, captures);
  const [head, ...tail] = path;
  return found === null && head?.counts === true ? matches(pattern, tail, captures) : found;
}

function matchesAsWritten(
  pattern: readonly Part[],
  path: readonly Segment[],
  captures: Captures,
): Captures | null {
  const [first, ...rest] = pattern;
  const [next, ...tail] = path;
  if (first === undefined) return path.length === 0 ? captures : null;
  if (first.kind === "stars") {
    for (let taken = 0; taken <= path.length; taken++) {
      const stars = [
        ...captures.stars,
        path
          .slice(0, taken)
          .map(({ text }) => text)
          .join("."),
      ];
      const found = matches(rest, path.slice(taken), { ...captures, stars });
      if (found !== null) return found;
    }
    return null;
  }
  if (next === undefined) return null;
  const head = next.text;
  switch (first.kind) {
    case "text":
      return first.text === head ? matches(rest, tail, captures) : null;
    case "star": {
      if (!head.startsWith(first.prefix)) return null;
      const stars = [...captures.stars, head.slice(first.prefix.length)];
      return matches(rest, tail, { ...captures, stars });
    }
    case "index": {
      const { prefix, from, to, name } = first;
      const digits = head.startsWith(prefix) ? head.slice(prefix.length) : "";
      const index = /^\d+$/.test(digits) ? Number(digits) : NaN;
      if (!(index >= from && index < to)) return null;
      if (name === null) return matches(rest, tail, captures);
      const known = captures.names.get(name);
      if (known !== undefined && known !== index) return null;
      const names = new Map(captures.names).set(name, index);
      return matches(rest, tail, { ...captures, names });
    }
  }
}

/** All learn at a stage's start; lines apply in order, the last match wins. */
export function frozenPaths(
  frame: Frame,
  lines: readonly FreezeMember[],
  weights: readonly string[],
): ReadonlySet<string> {
  const frozen = new Set<string>();
  for (const line of lines)
    for (const glob of line.globs)
      for (const path of matchGlob(frame, glob, weights)?.keys() ?? [])
        if (line.kind === "freeze") frozen.add(path);
        else frozen.delete(path);
  return frozen;
}

/** Whether every weight under an instance is frozen, and there is at least one. */
export function frozenInstance(
  weights: readonly string[],
  frozen: ReadonlySet<string>,
): (path: string) => boolean {
  const instances = new Map<string, boolean>();
  if (frozen.size > 0)
    for (const weight of weights)
      for (const instance of prefixes(weight).slice(0, -1))
        instances.set(instance, frozen.has(weight) && instances.get(instance) !== false);
  return (path) => instances.get(path) === true;
}
