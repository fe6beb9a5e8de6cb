/** The optimizer and the schedule that a train, a stage or a group names. */

import type { Expr, OptimizerDecl } from "../../grammar/ast.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import type { ModuleScope } from "../modules.js";
import { type Bound, bindArguments } from "./bind.js";
import { moduleFrame } from "./definitions.js";
import { evaluate, type Frame, report } from "./frame.js";
import { segmentsAreSound } from "./schedules.js";
import { describe, type ScheduleSegment } from "./value.js";

/** An update rule and its settings. */
export interface CheckedOptimizer {
  readonly declaration: OptimizerDecl;
  readonly module: ModuleScope;
  readonly settings: ReadonlyMap<string, Bound>;
  readonly span: Span;
}

/** `adamw(lr: 1e-3)`; `null` when it is wrong, which is reported. */
export function optimizerOf(frame: Frame, expr: Expr | null): CheckedOptimizer | null {
  if (expr === null || expr.kind === "broken") return null;
  const callee = evaluate(frame, expr.kind === "call" ? expr.callee : expr);
  if (callee.kind === "unknown") return null;
  if (callee.kind !== "rule") {
    const expected = "an optimizer such as `adamw(lr: 1e-3)`";
    const found = describe(callee);
    report(frame, wrongType, { what: "`optimizer`", expected, found }, expr.span);
    return null;
  }
  const { declaration, module } = callee;
  const call = {
    callee: declaration.name.text,
    inputs: [],
    args: expr.kind === "call" ? expr.args : [],
    span: expr.span,
  };
  const settings = bindArguments(frame, moduleFrame(frame, module), declaration.formals, call);
  return settings === null ||
    [...settings.values()].some(({ meaning }) => meaning.kind === "unknown")
    ? null
    : { declaration, module, settings, span: expr.span };
}

/** `warmup(5 epochs) then cosine(to: 0)`; `null` when it is wrong, which is reported. */
export function scheduleOf(frame: Frame, expr: Expr | null): readonly ScheduleSegment[] | null {
  if (expr === null) return [];
  const meaning = evaluate(frame, expr);
  if (meaning.kind === "none") return [];
  if (meaning.kind === "unknown") return null;
  if (meaning.kind === "schedule")
    return segmentsAreSound(frame, meaning.segments) ? meaning.segments : null;
  const expected = "a schedule such as `cosine(to: 0)`";
  const found = describe(meaning);
  report(frame, wrongType, { what: "`schedule`", expected, found }, expr.span);
  return null;
}
