/** Patterns of paths with any number of names in braces, matched against what is on the disk. */

import { isAbsolute, join, parse } from "node:path";
import { type Entry, readFolder } from "./folder.js";
import { compareNaturally } from "./natural-order.js";

/** A file or folder that a pattern finds. */
export interface Match {
  readonly path: string;
  /** Below the root that was searched, with `/` between segments. */
  readonly relative: string;
  /** What stands in the place of each name. */
  readonly names: Readonly<Record<string, string>>;
}

export interface Matches {
  /** In natural order. */
  readonly found: readonly Match[];
  /** Entries of the right kind where the last segment was looked for, that do not fit it. */
  readonly others: readonly string[];
}

/**
 * What fits `pattern` below `root`. A name in braces stands for one character or more of a segment,
 * as few as can be; with a width, as in `{i:03}`, for at least so many digits. `*` stands for any
 * run of characters. Names in `given` stand for their text. A folder that is not there is a fault.
 */
export async function matchPaths(
  { root, pattern, kind }: { root: string; pattern: string; kind: "file" | "folder" },
  place: string,
  given: Readonly<Record<string, string>> = {},
): Promise<Matches> {
  const segments = pattern.split(/[\\/]/u).filter((segment) => segment !== "" && segment !== ".");
  let found: readonly Match[] = [{ path: root, relative: "", names: {} }];
  const others: string[] = [];
  for (const [depth, segment] of segments.entries()) {
    const isLast = depth === segments.length - 1;
    const expression = expressionOf(segment, given);
    const wantsFolder = !isLast || kind === "folder";
    const deeper = found.map(async (parent): Promise<readonly Match[]> => {
      // Folders before the first name must be there; those after it may be of some matches only.
      const isPlain = expression === null && !isLast && Object.keys(parent.names).length === 0;
      if (isPlain) return [extended(parent, segment, {})];
      const entries = await readFolder(parent.path, place);
      return entries
        .filter((entry) => entry.folder === wantsFolder)
        .flatMap((entry) =>
          matchOf(parent, entry, expression ?? literal(segment), isLast && expression !== null),
        );
    });
    found = (await Promise.all(deeper)).flat();
  }
  return {
    found: found.toSorted((a, b) => compareNaturally(a.relative, b.relative)),
    others: others.toSorted(compareNaturally),
  };

  function matchOf(
    parent: Match,
    { name }: Entry,
    expression: RegExp,
    isTold: boolean,
  ): readonly Match[] {
    const match = expression.exec(name);
    if (match === null) {
      if (isTold) others.push(extended(parent, name, {}).relative);
      return [];
    }
    return [extended(parent, name, { ...match.groups })];
  }
}

const extended = (
  { path, relative, names }: Match,
  name: string,
  more: Readonly<Record<string, string>>,
): Match => ({
  path: join(path, name),
  relative: relative === "" ? name : `${relative}/${name}`,
  names: { ...names, ...more },
});

/** The names in the braces of a pattern. */
export const namesIn = (pattern: string): readonly string[] =>
  [...pattern.matchAll(placeholder)].map(([, name = ""]) => name);

/** An absolute pattern as the folder of its literal beginning and the rest. */
export function rootOf(pattern: string): { readonly root: string; readonly pattern: string } {
  const { root: start } = parse(pattern);
  const segments = pattern.slice(start.length).split(/[\\/]/u);
  const first = segments.findIndex((segment) => /[{*]/u.test(segment));
  const cut = Math.min(first < 0 ? segments.length : first, segments.length - 1);
  const root = join(isAbsolute(pattern) ? start : ".", ...segments.slice(0, cut));
  return { root, pattern: segments.slice(cut).join("/") };
}

const placeholder = /\{([A-Za-z_][A-Za-z0-9_]*)(?::0(\d+))?\}/gu;

const escaped = (text: string): string => text.replaceAll(/[.+?^$()|[\]\\{}*]/gu, "\\$&");

const literal = (segment: string): RegExp => new RegExp(`^${escaped(segment)}$`, "u");

/** `null` for a segment without names or `*`. */
function expressionOf(segment: string, given: Readonly<Record<string, string>>): RegExp | null {
  if (!/[{*]/u.test(segment)) return null;
  let source = "";
  let from = 0;
  const plain = (text: string): string => text.split("*").map(escaped).join(".*");
  for (const match of segment.matchAll(placeholder)) {
    const [whole, name = "", width] = match;
    source += plain(segment.slice(from, match.index));
    const text = Object.hasOwn(given, name) ? given[name] : undefined;
    source +=
      text !== undefined
        ? escaped(text)
        : `(?<${name}>${width === undefined ? ".+?" : `\\d{${width},}`})`;
    from = match.index + whole.length;
  }
  return new RegExp(`^${source}${plain(segment.slice(from))}$`, "u");
}
