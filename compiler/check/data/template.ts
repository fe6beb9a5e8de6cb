/** Templates and patterns of paths: names in braces, each with an optional width, and where they stand. */

import { placeholderUnknown, templateMalformed } from "../../../grammar/diagnostics/dataset.js";
import type { Span } from "../../../grammar/source.js";
import { suggest } from "../../../grammar/suggest.js";
import { type Frame, report } from "../frame.js";

interface Placeholder {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** The names in the braces of a template in order; `null` after a report. */
export function placeholdersIn(
  frame: Frame,
  template: string,
  span: Span,
): readonly Placeholder[] | null {
  const found: Placeholder[] = [];
  const wrong = (problem: string): null => {
    report(frame, templateMalformed, { template, problem }, span);
    return null;
  };
  if (template === "") return wrong("is empty");
  for (let i = 0; i < template.length; i++) {
    if (template[i] === "}") return wrong("closes a brace that is not open");
    if (template[i] !== "{") continue;
    const close = template.indexOf("}", i);
    if (close < 0) return wrong("never closes a brace");
    const inner = template.slice(i + 1, close);
    const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::0\d+)?$/.exec(inner);
    if (match === null) return wrong(`has \`{${inner}}\`, which is no name`);
    found.push({ name: match[1] ?? "", start: i + 1, end: i + 1 + (match[1] ?? "").length });
    i = close;
  }
  return found;
}

/** The names that a pattern binds: at least one, none twice; `null` after a report. */
export function namesBoundBy(frame: Frame, pattern: string, span: Span): readonly string[] | null {
  const found = placeholdersIn(frame, pattern, span);
  if (found === null) return null;
  const names = found.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  const problem =
    names.length === 0
      ? "has no name in braces"
      : twice === undefined
        ? null
        : `has \`{${twice}}\` twice`;
  if (problem === null) return names;
  report(frame, templateMalformed, { template: pattern, problem }, span);
  return null;
}

/** Whether every name of a template is known; `null` for `known` knows them all. */
export function checkTemplate(
  frame: Frame,
  template: { readonly text: string; readonly span: Span },
  known: readonly string[] | null,
): boolean {
  const { text, span } = template;
  const found = placeholdersIn(frame, text, span);
  if (found === null) return false;
  const missing = found.find(({ name }) => known !== null && !known.includes(name));
  if (missing === undefined) return true;
  const names = known ?? [];
  const params = {
    name: missing.name,
    known: names,
    suggestion: suggest(missing.name, names),
  };
  report(frame, placeholderUnknown, params, spanWithin(span, text, missing));
  return false;
}

/** A part of a string as written; the whole where escapes move it, or where it is no literal. */
function spanWithin(span: Span, text: string, { start, end }: Placeholder): Span {
  const literal = span.source.text.slice(span.start, span.end);
  if (literal !== `"${text}"`) return span;
  return { ...span, start: span.start + 1 + start, end: span.start + 1 + end };
}
