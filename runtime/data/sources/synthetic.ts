/** The source of drawn pictures: record i shows figure i modulo the number of classes. */

import type { PlainSource } from "../../../compiler/plan/data.js";
import { classDuplicate, shapeUnknown } from "../../../grammar/diagnostics/data.js";
import { suggest } from "../../../grammar/suggest.js";
import { badData } from "../bad-data.js";
import { isShapeName, shapeNames } from "../draw-shape.js";
import type { SourceRecord } from "../record.js";

/** All records, classes in turn so that they are balanced. */
export function listSynthetic(
  source: Extract<PlainSource, { kind: "synthetic" }>,
): readonly SourceRecord[] {
  source.classes.forEach((name, i) => {
    if (!isShapeName(name))
      throw badData(
        shapeUnknown,
        { name, known: shapeNames, nearest: suggest(name, shapeNames) },
        source.place,
      );
    if (source.classes.indexOf(name) !== i) throw badData(classDuplicate, { name }, source.place);
  });
  return Array.from({ length: source.count }, (_, i) => {
    const label = i % source.classes.length;
    return {
      id: `${source.classes[label] ?? ""} #${i}`,
      file: null,
      properties: {},
      label,
      tile: null,
      columns: {},
      line: null,
    };
  });
}
