/** Globs over weight paths: `model.cnn.**`, `model.layers[0 .. 4].bn*`. */

import type { FreezeMember, GPath } from "../../grammar/ast.js";
import { globMatchesNothing } from "../../grammar/diagnostics/program.js";
import { suggest } from "../../grammar/suggest.js";
import { evaluate, type Frame, report } from "./frame.js";
import { asNumber } from "./value.js";

interface Segment {
  readonly text: string;
  /** Half-open range that the next segment, an index, must lie in. */
  readonly range: readonly [number, number] | null;
}

export const printGlob = (glob: GPath): string =>
  glob.segments
    .map(
      (segment) => segment.text + (segment.range === null && segment.index === null ? "" : "[…]"),
    )
    .join(".");

/** The paths a glob matches, reported when there are none. */
export function matchGlob(
  frame: Frame,
  glob: GPath,
  paths: readonly string[],
): ReadonlySet<string> {
  const pattern = glob.segments.map((segment): Segment => {
    if (segment.index !== null) {
      const index = asNumber(evaluate(frame, segment.index)) ?? NaN;
      return { text: segment.text, range: [index, index + 1] };
    }
    if (segment.range === null) return { text: segment.text, range: null };
    const from = asNumber(evaluate(frame, segment.range.from)) ?? 0;
    const to =
      segment.range.to === null
        ? Infinity
        : (asNumber(evaluate(frame, segment.range.to)) ?? Infinity);
    return { text: segment.text, range: [from, to] };
  });
  const matched = new Set(paths.filter((path) => matches(pattern, path.split("."))));
  if (matched.size === 0) {
    const text = printGlob(glob);
    const known = [...new Set(paths.flatMap(prefixes))];
    const stem = text.replace(/\.\*+$/, "");
    const nearest = suggest(stem, known);
    report(
      frame,
      globMatchesNothing,
      { glob: text, suggestion: nearest === null ? null : text.replace(stem, nearest) },
      glob.span,
    );
  }
  return matched;
}

const prefixes = (path: string): readonly string[] => {
  const segments = path.split(".");
  return segments.map((_, i) => segments.slice(0, i + 1).join("."));
};

/** `**` stands for any number of segments, `*` for one or the rest of one. */
function matches(pattern: readonly Segment[], path: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  const [head, ...tail] = path;
  if (first === undefined) return path.length === 0;
  if (first.text === "**")
    return matches(rest, path) || (head !== undefined && matches(pattern, tail));
  if (head === undefined || !matchesSegment(first.text, head)) return false;
  if (first.range === null) return matches(rest, tail);
  const [index, ...after] = tail;
  const number = index === undefined ? NaN : Number(index);
  return number >= first.range[0] && number < first.range[1] && matches(rest, after);
}

const matchesSegment = (pattern: string, segment: string): boolean =>
  pattern.endsWith("*") ? segment.startsWith(pattern.slice(0, -1)) : pattern === segment;

/** All learn at a stage's start; its lines apply in order, the last match wins. */
export function frozenPaths(
  frame: Frame,
  lines: readonly FreezeMember[],
  weights: readonly string[],
): ReadonlySet<string> {
  const frozen = new Set<string>();
  for (const line of lines)
    for (const glob of line.globs)
      for (const path of matchGlob(frame, glob, weights))
        if (line.kind === "freeze") frozen.add(path);
        else frozen.delete(path);
  return frozen;
}

/** Whether every weight under an instance is frozen, and there is at least one. */
export const frozenInstance =
  (weights: readonly string[], frozen: ReadonlySet<string>) =>
  (path: string): boolean => {
    const own = weights.filter((weight) => weight.startsWith(`${path}.`));
    return own.length > 0 && own.every((weight) => frozen.has(weight));
  };
