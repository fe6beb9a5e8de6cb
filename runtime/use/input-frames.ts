/** New sequences of frames: a folder of groups as the dataset has one, or the folder of one group. */

import { resolve } from "node:path";
import type { DataProgram } from "../../compiler/plan/data.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { type Match, matchPaths } from "../data/path-pattern.js";
import type { SourceRecord } from "../data/record.js";
import { type Frames, listFrames, listGroups } from "../data/sources/frames.js";
import { Fault } from "../fault.js";

/**
 * The records of `source.root`. A folder in which no group lies, and which the pattern would find
 * from above, is a group itself.
 */
export async function framesIn(
  source: Frames,
  fields: DataProgram["fields"],
  warn: (warning: Diagnostic) => void,
): Promise<readonly SourceRecord[]> {
  const folder = resolve(source.root);
  if ((await groupsIn(source, folder)).length === 0) {
    const depth = source.group.split(/[\\/]/u).filter((each) => each !== "" && each !== ".").length;
    const above = resolve(folder, ...Array.from({ length: depth }, () => ".."));
    const own = (await groupsIn(source, above)).filter(({ path }) => path === folder);
    if (own.length > 0) return listGroups(source, own, fields, warn);
  }
  return listFrames(source, fields, warn);
}

/** None where a folder that the pattern names is not there. */
async function groupsIn({ group, place }: Frames, root: string): Promise<readonly Match[]> {
  try {
    return (await matchPaths({ root, pattern: group, kind: "folder" }, place)).found;
  } catch (error) {
    if (error instanceof Fault) return [];
    throw error;
  }
}
