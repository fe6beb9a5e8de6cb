/** Taps: values that blocks expose from any depth, and paths over them in losses and metrics. */

import type { Expr, TapMember } from "../../grammar/ast.js";
import { alreadyDefined, noSuchTap, tapOutOfPlace } from "../../grammar/diagnostics/names.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { suggest } from "../../grammar/suggest.js";
import { sameDim } from "../ir/dim.js";
import { child, evaluate, type Frame, lookup, report } from "./frame.js";
import { segmentText } from "./members.js";
import { applyOp } from "./ops.js";
import { describe, type Meaning, unknown } from "./value.js";

/** Keeps the value of `tap name = expr` under the instance's path: one more for each application. */
export function recordTap(frame: Frame, { name, value }: TapMember): void {
  const meaning = evaluate(frame, value);
  if (meaning.kind === "unknown") return;
  if (meaning.kind !== "tensor") {
    const what = `the tap \`${name.text}\``;
    report(frame, wrongType, { what, expected: "a tensor", found: describe(meaning) }, value.span);
    return;
  }
  const { budget, taps } = frame.elaboration;
  budget.effects++;
  const path = child(frame.path, name.text);
  taps.set(path, [...(taps.get(path) ?? []), meaning]);
}

/** Two taps of one block may not share a name. */
export function reportTapTwice(frame: Frame, members: readonly TapMember[]): void {
  const seen = new Map<string, TapMember>();
  for (const member of members) {
    const { text, span } = member.name;
    const earlier = seen.get(text);
    if (earlier === undefined) seen.set(text, member);
    else
      report(frame, alreadyDefined, { name: text }, span, [
        { span: earlier.name.span, text: "first defined here" },
      ]);
  }
}

/**
 * `model.layers.0.load` is the tap of that path, `model.**.load` the list of all that match, in the
 * order of their applications; the path of an `each` stacks those of its copies. `null` where the expression is no path that begins at the model.
 */
export function tapAt(frame: Frame, expr: Expr): Meaning | null {
  if (!beginsAtModel(frame, expr)) return null;
  if (frame.elaboration.everyBranch) return unknown; // known where the function is called
  if (frame.path === "model" || frame.path.startsWith("model.")) {
    const { source, start, end } = expr.span;
    report(frame, tapOutOfPlace, { path: source.text.slice(start, end) }, expr.span);
    return unknown;
  }
  const segments = segmentsOf(frame, expr);
  if (segments === null) return unknown;
  const { taps } = frame.elaboration;
  const isGlob = segments.some((segment) => segment.includes("*"));
  const found = [...taps].filter(([path]) => matches(segments, path.split(".")));
  const stacked = found.length === 0 && !isGlob ? acrossLeaves(frame, segments, expr) : null;
  if (stacked !== null) return stacked;
  if (found.length === 0) {
    const path = segments.join(".");
    report(frame, noSuchTap, { path, suggestion: nearest(segments, [...taps.keys()]) }, expr.span);
    return unknown;
  }
  if (isGlob) return { kind: "list", items: found.flatMap(([, values]) => values) };
  return together(frame, found[0]?.[1] ?? [], expr);
}

function beginsAtModel(frame: Frame, expr: Expr): boolean {
  if (expr.kind === "member" || expr.kind === "computed-member")
    return beginsAtModel(frame, expr.object);
  return (
    expr.kind === "name" &&
    expr.name === "model" &&
    lookup(frame, "model", expr.span) === null &&
    !frame.module.definitions.has("model") &&
    !frame.module.aliases.has("model")
  );
}

/** The path's segments; `null` after a report where a computed one is none. */
function segmentsOf(frame: Frame, expr: Expr): readonly string[] | null {
  if (expr.kind === "name") return [expr.name];
  if (expr.kind !== "member" && expr.kind !== "computed-member") return null;
  const before = segmentsOf(frame, expr.object);
  if (before === null) return null;
  if (expr.kind === "member") return [...before, ...expr.member.text.split(".")];
  const text = segmentText(frame, evaluate(frame, expr.computed), expr.computed.span);
  return text === null ? null : [...before, expr.text + text];
}

/** The tap in every copy that an `each` on the path has made, stacked after the records. */
function acrossLeaves(frame: Frame, segments: readonly string[], expr: Expr): Meaning | null {
  const { stacks, taps } = frame.elaboration;
  for (const [path, { count }] of stacks) {
    const depth = path.split(".").length;
    if (segments.slice(0, depth).join(".") !== path) continue;
    const leaves = Array.from({ length: count }, (_, i) =>
      taps.get([path, String(i), ...segments.slice(depth)].join(".")),
    );
    const values = leaves.flatMap((leaf) =>
      leaf === undefined ? [] : [together(frame, leaf, expr)],
    );
    if (values.length === count) return together(frame, values, expr);
  }
  return null;
}

/** Several applications under one path, the steps of a `scan`: stacked after the records. */
function together(frame: Frame, values: readonly Meaning[], expr: Expr): Meaning {
  const [first] = values;
  if (first?.kind !== "tensor" || values.length === 1) return first ?? unknown;
  const { recordAxis } = frame.elaboration;
  const [records] = first.value.type.shape;
  const isPerRecord = records !== undefined && recordAxis !== null && sameDim(records, recordAxis);
  const operands = values.map((meaning) => ({ meaning, span: expr.span }));
  return applyOp(frame, "stack", operands, { axis: isPerRecord ? 1 : 0 }, expr.span);
}

/** `**` stands for any number of segments, `*` for one or the rest of one. */
function matches(pattern: readonly string[], path: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  const [head, ...tail] = path;
  if (first === undefined) return path.length === 0;
  if (first === "**") return matches(rest, path) || (head !== undefined && matches(pattern, tail));
  if (head === undefined) return false;
  const fits = first.endsWith("*") ? head.startsWith(first.slice(0, -1)) : head === first;
  return fits && matches(rest, tail);
}

/** The tap whose path, or for a glob whose name, is spelled alike. */
function nearest(segments: readonly string[], paths: readonly string[]): string | null {
  const last = segments.at(-1) ?? "";
  if (!segments.some((segment) => segment.includes("*"))) return suggest(segments.join("."), paths);
  const names = [...new Set(paths.map((path) => path.split(".").at(-1) ?? ""))];
  const name = suggest(last, names);
  return name === null || name === last ? null : [...segments.slice(0, -1), name].join(".");
}
