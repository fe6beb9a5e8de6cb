/** The sources of files that a pattern finds: pictures and rasters, a record per file. */

import type { PlainSource } from "../../../compiler/plan/data.js";
import { folderEmpty } from "../../../grammar/diagnostics/data.js";
import { badData } from "../bad-data.js";
import { matchPaths, rootOf } from "../path-pattern.js";
import type { SourceRecord } from "../record.js";

/**
 * Records in natural order of their paths, so that `2.png` comes before `10.png`; the pattern's
 * names are properties. Files that do not fit are none of the source's; no file at all is a fault.
 */
export async function listMatchedFiles({
  pattern: whole,
  place,
}: Extract<PlainSource, { kind: "images" | "geotiff" }>): Promise<readonly SourceRecord[]> {
  const { root, pattern } = rootOf(whole);
  const { found } = await matchPaths({ root, pattern, kind: "file" }, place);
  if (found.length === 0) throw badData(folderEmpty, { folder: root, wanted: pattern }, place);
  return found.map(({ path, relative, names }) => ({
    id: relative,
    file: path,
    properties: names,
    label: null,
    tile: null,
    columns: {},
    line: null,
  }));
}
