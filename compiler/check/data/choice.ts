/** Settings whose value is one of a few calls, as `on_error: skip(max: 1%)` or `cache: disk(max: 20 GiB)`. */

import type { Argument, Expr, Formal } from "../../../grammar/ast.js";
import { unknownName } from "../../../grammar/diagnostics/names.js";
import { wrongType } from "../../../grammar/diagnostics/types.js";
import { suggest } from "../../../grammar/suggest.js";
import { type Frame, report } from "../frame.js";
import { type BoundCall, bindCall, callOf, type DataCall } from "./data-call.js";

/** The calls by name; each may be written as a bare word where it needs no setting. */
export type Choices = Readonly<Record<string, readonly Formal[]>>;

/** A call without the argument called `name`, and that argument. */
export function takeArgument(
  call: DataCall,
  name: string,
): { readonly rest: DataCall; readonly taken: Argument | null } {
  const taken = call.args.find((argument) => argument.name?.text === name) ?? null;
  return {
    taken,
    rest: { ...call, args: call.args.filter((argument) => argument !== taken) },
  };
}

/** The chosen call with its settings; `null` after a report. */
export function chosenCall(
  frame: Frame,
  expr: Expr,
  what: string,
  choices: Choices,
): BoundCall | null {
  const call =
    expr.kind === "name"
      ? { callee: expr.name, calleeSpan: expr.span, args: [], span: expr.span }
      : callOf(expr);
  const formals =
    call !== null && Object.hasOwn(choices, call.callee) ? choices[call.callee] : undefined;
  if (call !== null && formals !== undefined) return bindCall(frame, formals, call);
  if (expr.kind === "broken") return null;
  const names = Object.keys(choices);
  const suggestion = call === null ? null : suggest(call.callee, names);
  if (call !== null && suggestion !== null)
    report(frame, unknownName, { name: call.callee, suggestion }, call.calleeSpan);
  else {
    const expected = names.map((name) => `\`${name}(…)\``).join(" or ");
    const found = call === null ? "another expression" : `\`${call.callee}\``;
    report(frame, wrongType, { what, expected, found }, expr.span);
  }
  return null;
}
