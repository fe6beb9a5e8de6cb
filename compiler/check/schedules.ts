/** Schedules: a call becomes a segment, a length and a tree over `base`, `t`, `n` and `u`. */

import type { ScheduleDecl } from "../../grammar/ast.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { scalarVariables } from "../plan/scalar-words.js";
import { bindArguments, type CallSite, scopeOf } from "./bind.js";
import { bind, evaluate, type Frame, report } from "./frame.js";
import { asNumber, describe, type Meaning, type ScheduleSegment, unknown } from "./value.js";

export function scheduleCall(
  frame: Frame,
  declaration: ScheduleDecl,
  home: Frame,
  call: CallSite,
): Meaning {
  const bound = bindArguments(frame, home, declaration.formals, call);
  if (bound === null || [...bound.values()].some(({ meaning }) => meaning.kind === "unknown"))
    return unknown;
  const scope = scopeOf(home, bound);
  for (const name of scalarVariables)
    bind(scope, name, { kind: "scalar", expr: { kind: "variable", name } });
  const trail = [...frame.trail, { name: call.callee, span: call.span, declaration: null }];
  const value = evaluate({ ...home, scope, trail }, declaration.value);
  const number = asNumber(value);
  const expr =
    value.kind === "scalar"
      ? value.expr
      : number === null
        ? null
        : { kind: "number" as const, value: number };
  if (expr === null) {
    if (value.kind !== "unknown")
      report(
        frame,
        wrongType,
        { what: `\`${call.callee}\``, expected: "a scalar over time", found: describe(value) },
        call.span,
      );
    return unknown;
  }
  const over = [...bound.values()].find(({ meaning }) => meaning.kind === "quantity")?.meaning;
  return {
    kind: "schedule",
    segments: [
      {
        over: over?.kind === "quantity" ? { value: over.value, unit: over.unit } : null,
        expr,
        span: call.span,
      },
    ],
  };
}

/** Whether only the last segment lacks a length; another one is reported. */
export function segmentsAreSound(frame: Frame, segments: readonly ScheduleSegment[]): boolean {
  const open = segments.filter((segment) => segment.over === null);
  const [first, second] = open;
  if (first === undefined || (second === undefined && first === segments.at(-1))) return true;
  const what = "only the last segment of a schedule";
  const expected = "without a length";
  report(frame, wrongType, { what, expected, found: "another one" }, (second ?? first).span);
  return false;
}
