/** One mistake is one finding: what only follows from text that could not be read is left out. */

import type { Diagnostic } from "../../grammar/diagnostic.js";
import { unknownName } from "../../grammar/diagnostics/names.js";
import type { Span } from "../../grammar/source.js";

/**
 * Without the findings of later phases on a line that the grammar could not read, without unknown
 * names that such a line may have been about to define, and without findings on the lines that use
 * what it declares.
 */
export function withoutAftermath(found: readonly Diagnostic[]): readonly Diagnostic[] {
  const unread = found
    .filter(({ code }) => isSyntax(code))
    .flatMap(({ span, labels }) => [...(span === null ? [] : [span]), ...labels.map(spanOf)])
    .map(lineOf);
  if (unread.length === 0) return found;
  return found.filter(({ code, span }) => {
    if (isSyntax(code) || span === null) return true;
    const name = textOf(span);
    const line = wordsOf(lineOf(span));
    return !unread.some((broken) => {
      if (broken.source !== span.source) return false;
      if (span.start >= broken.start && span.start <= broken.end) return true;
      if (code === unknownName.code && wordsOf(broken).includes(name)) return true;
      const declared = DECLARATION.exec(textOf(broken))?.[1];
      return declared !== undefined && line.includes(declared);
    });
  });
}

const DECLARATION =
  /^(?:block|const|dataset|fn|mesh|metric|optimizer|param|schedule|train)[ \t]+(\w+)/;

const isSyntax = (code: string): boolean => code.startsWith("syntax/");

const spanOf = ({ span }: { readonly span: Span }): Span => span;

const textOf = ({ source, start, end }: Span): string => source.text.slice(start, end);

const wordsOf = (span: Span): readonly string[] => textOf(span).match(/\w+/g) ?? [];

/** The lines on which a span lies, whole. */
function lineOf({ source, start, end }: Span): Span {
  const after = source.text.indexOf("\n", end);
  const from = start === 0 ? 0 : source.text.lastIndexOf("\n", start - 1) + 1;
  return { source, start: from, end: after === -1 ? source.text.length : after };
}
