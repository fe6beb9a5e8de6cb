/** Labels and tile positions of records without their pixels, for a report on what position alone tells. */

import type { DataProgram } from "../../compiler/plan/data.js";
import { InvariantError, invariant } from "../../grammar/invariant.js";
import { listRecords } from "./list-records.js";
import { isPositive } from "./read-record.js";
import type { DataRecord } from "./record.js";
import { groupOf } from "./split.js";

export interface RecordLabel {
  /** The value that splits go by: the frame, where the program splits by it. */
  readonly group: string;
  readonly position: number;
  readonly label: 0 | 1;
}

/**
 * For a `voc_tiles` dataset, every record in the order of its index, with the label that `field`
 * gives it (by default the first that reads `covered` or `holds`). Reads annotations and the heads of
 * pictures only; faults as `openDataset` has them.
 */
export async function recordLabels(
  program: DataProgram,
  field?: string,
): Promise<readonly RecordLabel[]> {
  const reader = readerOf(program, field);
  const records = await listRecords(program);
  return records.map((record) => ({
    group: groupOf(program, record),
    position: positionOf(record),
    label: isPositive(record, reader) ? 1 : 0,
  }));
}

function readerOf(program: DataProgram, name: string | undefined) {
  for (const { name: own, reader } of program.fields)
    if ((reader.kind === "covered" || reader.kind === "holds") && (name ?? own) === own)
      return reader;
  throw new InvariantError(`dataset ${program.name} has no such field of labeled tiles`);
}

function positionOf({ id, tile }: DataRecord): number {
  invariant(tile !== null, `record ${id} is no tile`);
  return tile.position;
}
