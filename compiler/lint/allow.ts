/** Comments that silence lint rules: `// lint: allow lint/missing-seed`. */

import { diagnose, type Diagnostic } from "../../grammar/diagnostic.js";
import { unknownAllow, unusedAllow } from "../../grammar/diagnostics/lint.js";
import { positionOf, type SourceFile, type Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";

/** One code of one comment. */
interface Allow {
  readonly code: string;
  readonly span: Span;
  /** The line, from 1, that it speaks of. */
  readonly line: number;
}

/**
 * The findings that no comment allows, in order of place, and a finding for each comment that
 * allows nothing. A comment speaks of its own line, or of the next line with text when it has its
 * line to itself.
 */
export function applyAllows(
  files: readonly SourceFile[],
  found: readonly Diagnostic[],
  codes: readonly string[],
): readonly Diagnostic[] {
  const allows = files.flatMap(allowsIn);
  const used = new Set<Allow>();
  const kept = found.filter(({ code, span }) => {
    const allow = allows.find(
      (each) =>
        each.code === code &&
        span !== null &&
        each.span.source === span.source &&
        each.line === positionOf(span.source, span.start).line,
    );
    if (allow !== undefined) used.add(allow);
    return allow === undefined;
  });
  const idle = allows
    .filter((allow) => !used.has(allow))
    .map(({ code, span }) =>
      codes.includes(code)
        ? diagnose(unusedAllow, { code }, span)
        : diagnose(unknownAllow, { code, suggestion: suggest(code, codes) }, span),
    );
  const order = (each: Diagnostic): number => files.findIndex((file) => file === each.span?.source);
  return [...kept, ...idle].toSorted(
    (a, b) => order(b) - order(a) || (a.span?.start ?? 0) - (b.span?.start ?? 0),
  );
}

const pattern = /^\/\/\s*lint:\s*allow\s+(.*)$/u;

function allowsIn(source: SourceFile): readonly Allow[] {
  const lines = source.text.split("\n");
  return lines.flatMap((line, i) => {
    const column = commentStart(line);
    const match = column === null ? null : pattern.exec(line.slice(column));
    if (column === null || match === null) return [];
    const alone = line.slice(0, column).trim() === "";
    const next = lines.findIndex((text, j) => j > i && !/^\s*(?:\/\/.*)?$/u.test(text));
    const list = match[1] ?? "";
    const offset = (source.lineStarts[i] ?? 0) + column + match[0].length - list.length;
    // A text after the codes says why.
    return [...list.matchAll(/(?:^|,\s*)([\w/-]+)/gu)].map((code): Allow => {
      const text = code[1] ?? "";
      const start = offset + code.index + code[0].length - text.length;
      return {
        code: text,
        span: { source, start, end: start + text.length },
        line: (alone && next !== -1 ? next : i) + 1,
      };
    });
  });
}

/** Where a line's comment begins: at the first `//` outside of strings; strings end with their line. */
function commentStart(line: string): number | null {
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    if (line[i] === "\\" && quoted) i++;
    else if (line[i] === '"') quoted = !quoted;
    else if (!quoted && line.startsWith("//", i)) return i;
  }
  return null;
}
