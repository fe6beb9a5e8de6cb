/** Records whose picture cannot be read, where a field says to leave them out: found before a run begins. */

import type { DataProgram } from "../../compiler/plan/data.js";
import { type Diagnostic, diagnose } from "../../grammar/diagnostic.js";
import { recordsSkipped, tooManySkipped } from "../../grammar/diagnostics/data-content.js";
import { Fault } from "../fault.js";
import { badData } from "./bad-data.js";
import { mapInOrder } from "./map-in-order.js";
import type { RecordReader } from "./read-record.js";
import type { DataRecord } from "./record.js";

const parallelFiles = 16;

export interface Kept {
  readonly records: readonly DataRecord[];
  /** One warning for each field that has lost records. */
  readonly warnings: readonly Diagnostic[];
}

/**
 * The records whose pictures can all be decoded. Every picture of a field with `skip` is decoded
 * once, so that splits, epochs and draws never depend on when a broken file is met. More of them
 * than the field's share is a fault.
 */
export async function leaveOutBroken(
  program: DataProgram,
  records: readonly DataRecord[],
  reader: RecordReader,
): Promise<Kept> {
  const broken = new Set<number>();
  const warnings: Diagnostic[] = [];
  for (const field of program.fields) {
    const policy = "onError" in field.reader ? field.reader.onError : null;
    if (policy?.kind !== "skip") continue;
    const problems = await mapInOrder([...records.keys()], parallelFiles, async (index) => {
      const record = records[index];
      if (record === undefined) return null;
      try {
        await reader.readUpTo(field.name, { index, record, kept: {} }, 0);
        return null;
      } catch (error) {
        if (error instanceof Fault && error.diagnostic.code === "data/image-unreadable")
          return { index, id: record.id, message: error.diagnostic.message };
        throw error;
      }
    });
    const found = problems.filter((problem) => problem !== null);
    const [first] = found;
    if (first === undefined) continue;
    for (const { index } of found) broken.add(index);
    const params = {
      field: field.name,
      skipped: found.length,
      records: records.length,
      first: `record \`${first.id}\`: ${first.message}`,
    };
    if (found.length > policy.max * records.length)
      throw badData(
        tooManySkipped,
        { ...params, percent: Number((100 * policy.max).toFixed(2)) },
        field.place,
      );
    warnings.push(diagnose(recordsSkipped, params, null, { place: field.place }));
  }
  return { records: records.filter((_, index) => !broken.has(index)), warnings };
}
