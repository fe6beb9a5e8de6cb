/** All records of a dataset, whatever its source. */

import type { DataSource } from "../../compiler/plan/data.js";
import { assertNever } from "../../grammar/invariant.js";
import type { DataRecord } from "./record.js";
import { listImageFolder } from "./sources/image-folder.js";
import { listSynthetic } from "./sources/synthetic.js";
import { listVocTiles } from "./sources/voc-tiles.js";

/** Records in a fixed order, which gives each its index; faults as the source finds them. */
export async function listRecords(source: DataSource): Promise<readonly DataRecord[]> {
  switch (source.kind) {
    case "synthetic":
      return listSynthetic(source);
    case "image_folder":
      return listImageFolder(source);
    case "voc_tiles":
      return listVocTiles(source);
    default:
      return assertNever(source);
  }
}

/** The properties that a source's records can be split by. */
export function propertiesOf(source: DataSource): readonly string[] {
  switch (source.kind) {
    case "synthetic":
      return [];
    case "image_folder":
      return ["class"];
    case "voc_tiles":
      return ["frame"];
    default:
      return assertNever(source);
  }
}
