/** A declaration of one kind by its name: the train of a shard or a sweep, a mesh. */

import type { Declaration, Name } from "../../grammar/ast.js";
import { unknownName } from "../../grammar/diagnostics/names.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { suggest } from "../../grammar/suggest.js";
import type { Definition } from "../modules.js";
import { type Frame, report } from "./frame.js";

/** What the frame's module calls `name`; `null` where it is of another kind or none, with a report. */
export function declared(
  frame: Frame,
  { text, span }: Name,
  kind: Declaration["kind"],
  what: string,
): Definition | null {
  const { definitions, refused } = frame.module;
  const definition = definitions.get(text);
  if (definition?.declaration.kind === kind) return definition;
  if (definition !== undefined) {
    const found = `the ${definition.declaration.kind} \`${text}\``;
    report(frame, wrongType, { what, expected: `a ${kind}`, found }, span);
  } else if (!refused.has(text)) {
    const known = [...definitions].flatMap(([name, each]) =>
      each.declaration.kind === kind ? [name] : [],
    );
    report(frame, unknownName, { name: text, suggestion: suggest(text, known) }, span);
  }
  return null;
}
