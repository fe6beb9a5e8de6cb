/** Calls that only a dataset knows: names from a table, settings bound, paths that may be missing yet. */

import type { Argument, Expr, Formal } from "../../../grammar/ast.js";
import { unknownName } from "../../../grammar/diagnostics/names.js";
import { wrongType } from "../../../grammar/diagnostics/types.js";
import type { Span } from "../../../grammar/source.js";
import { suggest } from "../../../grammar/suggest.js";
import { type Bound, bindArguments } from "../bind.js";
import { type Frame, report } from "../frame.js";
import { settingsOf } from "../read.js";
import { describe } from "../value.js";

/** A call by a bare name, or a bare name where no settings are given. */
export interface DataCall {
  readonly callee: string;
  readonly calleeSpan: Span;
  readonly args: readonly Argument[];
  readonly span: Span;
}

/** The call that an expression is, or `null`. */
export const callOf = (expr: Expr): DataCall | null =>
  expr.kind === "call" && expr.callee.kind === "name"
    ? {
        callee: expr.callee.name,
        calleeSpan: expr.callee.span,
        args: expr.args,
        span: expr.span,
      }
    : null;

/** A call of one of the known names; what is elsewhere known is told apart from what is not. */
export function knownCall(
  frame: Frame,
  expr: Expr,
  place: {
    readonly what: string;
    readonly known: readonly string[];
    readonly elsewhere: readonly string[];
  },
): DataCall | null {
  const { what, known, elsewhere } = place;
  const shown = known.map((name) => `\`${name}(…)\``).join(", ");
  const call = callOf(expr);
  if (call === null) {
    if (expr.kind !== "broken") {
      const params = { what, expected: `one of ${shown}`, found: "another expression" };
      report(frame, wrongType, params, expr.span);
    }
    return null;
  }
  if (known.includes(call.callee)) return call;
  if (elsewhere.includes(call.callee)) {
    const params = { what, expected: shown, found: `\`${call.callee}(…)\`` };
    report(frame, wrongType, params, call.calleeSpan);
  } else {
    const params = { name: call.callee, suggestion: suggest(call.callee, known) };
    report(frame, unknownName, params, call.calleeSpan);
  }
  return null;
}

export type Settings = ReturnType<typeof settingsOf>;

/** Bound settings: plain reads, paths that may be left out, and whether a path has no value yet. */
export interface BoundCall {
  readonly settings: Settings;
  readonly bound: ReadonlyMap<string, Bound>;
  readonly span: Span;
  readonly callee: string;
  /** A path setting's text; empty where a param has no value yet, `null` for `none`. */
  readonly path: (name: string) => string | null;
  /** Whether some path has no value yet. */
  readonly lacksPath: boolean;
}

/** Binds a call; `null` when it does not fit, or holds what has been reported. */
export function bindCall(
  frame: Frame,
  formals: readonly Formal[],
  call: DataCall,
): BoundCall | null {
  const bound = bindArguments(frame, frame, formals, {
    callee: call.callee,
    inputs: [],
    args: call.args,
    span: call.span,
  });
  if (bound === null) return null;
  const paths = formals.filter(isPath).map(({ name }) => name.text);
  const missing = paths.filter((name) => bound.get(name)?.meaning.kind === "unknown");
  const filled = new Map(bound);
  for (const name of missing)
    filled.set(name, {
      meaning: { kind: "string", value: "" },
      span: bound.get(name)?.span ?? call.span,
    });
  const settings = settingsOf(filled);
  if (!settings.isKnown) return null;
  return {
    settings,
    bound: filled,
    span: call.span,
    callee: call.callee,
    path: (name) => (settings.meaning(name).kind === "none" ? null : settings.text(name)),
    lacksPath: missing.length > 0,
  };
}

const isPath = ({ type }: Formal): boolean =>
  type?.kind === "setting-type" && type.alternatives.some(({ name }) => name.text === "path");

/** What a setting must be, as a test of its number and in words. */
export interface Limit {
  readonly holds: (value: number) => boolean;
  readonly expected: string;
}

export const atLeast = (least: number): Limit => ({
  holds: (value) => value >= least,
  expected: `at least ${least}`,
});
export const isShare: Limit = {
  holds: (value) => value > 0 && value <= 1,
  expected: "above 0 and up to 1",
};
export const isProbability: Limit = {
  holds: (value) => value >= 0 && value <= 1,
  expected: "in 0 .. 1",
};
export const isPositive: Limit = { holds: (value) => value > 0, expected: "above 0" };

/** Whether the settings keep to their limits; the first that does not is reported. */
export function keepsLimits(
  frame: Frame,
  call: BoundCall,
  limits: Readonly<Record<string, Limit>>,
): boolean {
  for (const [name, limit] of Object.entries(limits)) {
    const argument = call.bound.get(name);
    if (argument === undefined || argument.meaning.kind === "none") continue;
    const { meaning } = argument;
    const values = meaning.kind === "list" ? meaning.items : [meaning];
    const wrong = values.find(
      (value) => (value.kind === "int" || value.kind === "float") && !limit.holds(value.value),
    );
    if (wrong === undefined) continue;
    const found =
      meaning.kind === "list" || (wrong.kind !== "int" && wrong.kind !== "float")
        ? describe(meaning)
        : String(wrong.value);
    const what = `\`${name}\` of \`${call.callee}\``;
    const span = argument.span.source.name.startsWith("saic:") ? call.span : argument.span;
    report(frame, wrongType, { what, expected: limit.expected, found }, span);
    return false;
  }
  return true;
}
