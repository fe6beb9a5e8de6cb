/** `names: (dent: [dunt], scratch: [scracth])` of a COCO source: what its file calls the classes. */

import type { Argument, Expr } from "../../../grammar/ast.js";
import { unknownName } from "../../../grammar/diagnostics/names.js";
import { wrongType } from "../../../grammar/diagnostics/types.js";
import { suggest } from "../../../grammar/suggest.js";
import type { DataSource } from "../../plan/data.js";
import { evaluate, type Frame, report } from "../frame.js";

/**
 * The source with the file's names of its classes: a class that is not named is called by its own
 * name, and one with an empty list does not occur in the file. `null` after a report.
 */
export function withNames(
  frame: Frame,
  source: DataSource,
  { value }: Argument,
): DataSource | null {
  if (source.kind !== "coco") return source;
  const wrong = (expr: Expr): null => {
    const expected = "lists of names by class such as `(dent: [dunt], dirt: [])`";
    const params = { what: "`names` of `coco`", expected, found: "another expression" };
    report(frame, wrongType, params, expr.span);
    return null;
  };
  if (value.kind !== "tuple") return wrong(value);
  const names: Record<string, string[]> = {};
  for (const { name, value: given } of value.items) {
    if (name === null || given.kind !== "list") return wrong(given);
    const known = source.classes ?? [];
    if (!known.includes(name.text)) {
      report(
        frame,
        unknownName,
        { name: name.text, suggestion: suggest(name.text, known) },
        name.span,
      );
      return null;
    }
    const words: string[] = [];
    for (const item of given.items) {
      const word = wordOf(frame, item);
      if (word === null) return wrong(item);
      words.push(word);
    }
    names[name.text] = words;
  }
  return { ...source, names };
}

function wordOf(frame: Frame, expr: Expr): string | null {
  if (expr.kind === "name") return expr.name;
  const meaning = evaluate(frame, expr);
  return meaning.kind === "string" ? meaning.value : null;
}
