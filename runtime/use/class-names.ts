/** The names of classes that the numbers of an output stand for. */

import type { DataProgram } from "../../compiler/plan/data.js";
import { leavesOf } from "../data/list-records.js";

export interface ClassNames {
  readonly names: readonly string[];
  /** Whether a record has exactly one of them, so that the largest number decides. */
  readonly isOneOf: boolean;
}

/**
 * The classes of an output with `count` numbers for a record: those of the dataset's only field
 * with so many. `null` where no field has, or fields with different names do.
 */
export function classNamesOf(program: DataProgram, count: number): ClassNames | null {
  const lists = program.fields.flatMap((field): readonly ClassNames[] => {
    const { reader } = field;
    const leaves = leavesOf(program.source);
    if (reader.kind === "column" && reader.classes !== null)
      return [{ names: reader.classes, isOneOf: true }];
    if (reader.kind === "label")
      return leaves.flatMap((source) =>
        "classes" in source && source.classes !== null
          ? [{ names: source.classes, isOneOf: true }]
          : [],
      );
    if (["present", "masks", "area"].includes(reader.kind))
      return leaves.flatMap((source) =>
        source.kind === "coco" && source.classes !== null
          ? [{ names: source.classes, isOneOf: false }]
          : [],
      );
    return [];
  });
  const fitting = lists.filter(({ names }) => names.length === count);
  const [first] = fitting;
  if (first === undefined) return null;
  const same = fitting.every(({ names }) => names.join("\n") === first.names.join("\n"));
  return same ? { names: first.names, isOneOf: fitting.every(({ isOneOf }) => isOneOf) } : null;
}
