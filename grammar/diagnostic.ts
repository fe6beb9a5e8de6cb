/** What we tell the user: a catalogue of kinds with typed parameters, and the values made from them. */

import type { Span } from "./source.js";

export type Severity = "error" | "warning";

/** One entry of the catalogue. Entries are grouped by phase under `grammar/diagnostics/`. */
export interface DiagnosticKind<P> {
  /** `phase/kebab-slug`: stable, searchable. */
  readonly code: `${string}/${string}`;
  readonly severity: Severity;
  readonly message: (params: P) => string;
  readonly hint?: (params: P) => string | null;
  /** Markdown: what the rule is and why it stands. */
  readonly explain: string;
}

export interface Label {
  readonly span: Span;
  readonly text: string;
}

export interface Fix {
  readonly span: Span;
  readonly text: string;
}

export interface Diagnostic {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  /** Where in a `.pipe` file; `null` when the place is a data file or the command line. */
  readonly span: Span | null;
  /** The place in words when there is no span: a data file, record and field, or a flag. */
  readonly place: string | null;
  readonly labels: readonly Label[];
  readonly hint: string | null;
  readonly fix: Fix | null;
}

export interface DiagnosticExtra {
  readonly labels?: readonly Label[];
  readonly fix?: Fix;
  readonly place?: string;
}

/** Fixes the parameter type of a catalogue entry. */
export const diagnosticKind = <P>(kind: DiagnosticKind<P>): DiagnosticKind<P> => kind;

export function diagnose<P>(
  kind: DiagnosticKind<P>,
  params: P,
  span: Span | null,
  extra: DiagnosticExtra = {},
): Diagnostic {
  return {
    code: kind.code,
    severity: kind.severity,
    message: kind.message(params),
    span,
    place: extra.place ?? null,
    labels: extra.labels ?? [],
    hint: kind.hint?.(params) ?? null,
    fix: extra.fix ?? null,
  };
}

/** What a rule returns instead of a result; the caller turns `blame` into a span. */
export interface Rejection<B extends string = string> {
  readonly rejected: true;
  readonly blame: B;
  readonly diagnose: (span: Span | null, extra?: DiagnosticExtra) => Diagnostic;
}

/** Refuses an input or attribute: the rule names what to blame, never a place. */
export function reject<P, const B extends string>(
  kind: DiagnosticKind<P>,
  params: P,
  blame: B,
): Rejection<B> {
  return {
    rejected: true,
    blame,
    diagnose: (span, extra) => diagnose(kind, params, span, extra),
  };
}

export const isRejection = (value: unknown): value is Rejection =>
  typeof value === "object" && value !== null && "rejected" in value;
