/** A diagnostic as text for a terminal, and as plain data for tools. */

import { tint, type Palette } from "./render-color.js";
import {
  fitText,
  markLines,
  sourceLines,
  type MarkedLine,
  type SourceMark,
} from "./render-lines.js";
import type { Diagnostic } from "./diagnostic.js";
import { positionOf, printSpan, type Span } from "./source.js";

/** Whether ANSI colors are used is decided by the caller, who knows the terminal. */
export interface RenderOptions {
  readonly color: "always" | "never";
}

/**
 * Title, place, the lines concerned with carets and labels, and the hint.
 * Labels in other files follow under their own place.
 */
export function renderDiagnostic(d: Diagnostic, options: RenderOptions): string {
  const paint = tint(options.color);
  const severity = d.severity === "error" ? paint.error : paint.warning;
  const sections = sectionsOf(d);
  const last = Math.max(0, ...sections.flatMap(({ lines }) => lines.map(({ number }) => number)));
  const width = Math.max(1, String(last).length);
  const gutter = " ".repeat(width);
  const out = [`${severity(`${d.severity}[${d.code}]`)}${paint.title(`: ${fitText(d.message)}`)}`];
  const places = sections.length === 0 && d.place !== null ? [fitText(d.place)] : [];
  for (const place of places) out.push(`${gutter}${paint.frame("┌─")} ${place}`);
  for (const { place, lines } of sections) {
    out.push(`${gutter}${paint.frame("┌─")} ${place}`, `${gutter}${paint.frame("│")}`);
    let before: number | null = null;
    for (const line of lines) {
      if (before !== null && line.number > before + 1) out.push(`${gutter}${paint.frame("·")}`);
      out.push(...renderLine(line, width, paint, severity));
      before = line.number;
    }
  }
  if (d.hint !== null) {
    const [first = "", ...rest] = d.hint.split("\n");
    out.push(`${gutter}${paint.frame("=")} hint: ${fitText(first)}`);
    for (const line of rest) out.push(`${gutter}        ${fitText(line)}`);
  }
  return out.join("\n");
}

/** What follows the diagnostics of a check with errors: where to read on, or `null` without errors. */
export function explainLine(diagnostics: readonly Diagnostic[]): string | null {
  const codes = new Set(
    diagnostics.filter(({ severity }) => severity === "error").map(({ code }) => code),
  );
  const [only] = codes;
  if (only === undefined) return null;
  return `run \`saic explain ${codes.size === 1 ? only : "CODE"}\` for more`;
}

interface Section {
  readonly place: string;
  readonly lines: readonly MarkedLine[];
}

/** One section per file, the primary span's first. */
function sectionsOf(d: Diagnostic): readonly Section[] {
  const { span } = d;
  const spans = [...(span === null ? [] : [span]), ...d.labels.map((label) => label.span)];
  const sources = [...new Set(spans.map(({ source }) => source))];
  return sources.map((source) => {
    const marks: SourceMark[] = [];
    const primary = span !== null && span.source === source ? span : null;
    const own = d.labels.filter((label) => label.span.source === source);
    const isPrimary = (other: Span): boolean =>
      primary !== null && other.start === primary.start && other.end === primary.end;
    if (primary !== null) {
      const text = own.filter((label) => isPrimary(label.span)).map((label) => label.text);
      marks.push({ start: primary.start, end: primary.end, primary: true, text: text.join("; ") });
    }
    for (const label of own)
      if (!isPrimary(label.span))
        marks.push({
          start: label.span.start,
          end: label.span.end,
          primary: false,
          text: label.text,
        });
    const first = primary ?? own[0]?.span ?? { source, start: 0, end: 0 };
    return { place: fitText(printSpan(first)), lines: markLines(source, marks) };
  });
}

function renderLine(
  line: MarkedLine,
  width: number,
  paint: Palette,
  severity: (text: string) => string,
): readonly string[] {
  const number = paint.frame(String(line.number).padStart(width));
  const bar = paint.frame("│");
  const rows = sourceLines(line, (mark, text) => (mark ? severity(text) : paint.frame(text)));
  return [
    `${number}${bar} ${line.text}`.trimEnd(),
    ...rows.map((row) => `${" ".repeat(width)}${bar} ${row}`.trimEnd()),
  ];
}

/** The stable form that tools read. */
export interface DiagnosticJson {
  readonly code: string;
  readonly severity: string;
  readonly message: string;
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
  readonly endLine: number | null;
  readonly endColumn: number | null;
  readonly place: string | null;
  readonly hint: string | null;
  readonly labels: readonly (Region & { readonly text: string })[];
  readonly fix: {
    readonly file: string;
    readonly start: number;
    readonly end: number;
    readonly text: string;
  } | null;
}

interface Region {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** Lines and columns are 1-based, in UTF-16 units; a fix has offsets. Without a span they are `null`. */
export function diagnosticJson(d: Diagnostic): DiagnosticJson {
  const none = { file: null, line: null, column: null, endLine: null, endColumn: null };
  return {
    code: d.code,
    severity: d.severity,
    message: d.message,
    ...(d.span === null ? none : regionOf(d.span)),
    place: d.place,
    hint: d.hint,
    labels: d.labels.map(({ span, text }) => ({ ...regionOf(span), text })),
    fix:
      d.fix === null
        ? null
        : {
            file: d.fix.span.source.name,
            start: d.fix.span.start,
            end: d.fix.span.end,
            text: d.fix.text,
          },
  };
}

function regionOf({ source, start, end }: Span): Region {
  const from = positionOf(source, start);
  const to = positionOf(source, end);
  return {
    file: source.name,
    line: from.line,
    column: from.column,
    endLine: to.line,
    endColumn: to.column,
  };
}
