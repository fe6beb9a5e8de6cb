/** File patterns with one name in braces, such as `images/{frame}.jpeg`. */

import { join } from "node:path";
import { patternInvalid } from "../../grammar/diagnostics/data.js";
import { badData } from "./bad-data.js";
import { readFolder } from "./folder.js";

export interface NamedFile {
  /** What stands in the place of the braces. */
  readonly name: string;
  readonly file: string;
}

/** The name in the braces of `pattern`; a fault unless there is exactly one. */
export function braceName(pattern: string, place: string): string {
  const names = [...pattern.matchAll(/\{([^{}/]+)\}/g)].map(([, name = ""]) => name);
  const [name] = names;
  if (name === undefined || names.length > 1)
    throw badData(
      patternInvalid,
      { pattern, problem: `has ${names.length} names in braces` },
      place,
    );
  return name;
}

/**
 * The files below `root` that fit `pattern`, in code-unit order of each path segment. `*` stands
 * for any run of characters within a segment. A literal folder that is missing is a fault.
 */
export async function findFiles(
  root: string,
  pattern: string,
  place: string,
): Promise<readonly NamedFile[]> {
  const segments = pattern.split("/").filter((segment) => segment !== "" && segment !== ".");
  let found: readonly NamedFile[] = [{ name: "", file: root }];
  for (const [depth, segment] of segments.entries()) {
    const last = depth === segments.length - 1;
    const deeper = found.map((parent) => extend(parent, segment, last, place));
    found = (await Promise.all(deeper)).flat();
  }
  return found;
}

/** The path of the file that `pattern` gives for `name`. */
export const fileFor = (root: string, pattern: string, name: string): string =>
  join(
    root,
    pattern.replace(/\{[^{}/]+\}/, () => name),
  );

async function extend(
  parent: NamedFile,
  segment: string,
  last: boolean,
  place: string,
): Promise<readonly NamedFile[]> {
  if (!/[{*]/.test(segment)) return [{ ...parent, file: join(parent.file, segment) }];
  const expression = expressionOf(segment);
  const entries = await readFolder(parent.file, place);
  return entries.flatMap((entry) => {
    const match = entry.folder === last ? null : expression.exec(entry.name);
    if (match === null) return [];
    return [{ name: match[1] ?? parent.name, file: join(parent.file, entry.name) }];
  });
}

function expressionOf(segment: string): RegExp {
  const source = segment
    .replaceAll(/[.+?^$()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replace(/\{[^{}]+\}/, "(.+)");
  return new RegExp(`^${source}$`, "u");
}
