/** Arguments to formals: positional, named, piped in; defaults; every mistake named. */

import type { Argument, Expr, Formal } from "../../grammar/ast.js";
import {
  duplicateArgument,
  missingArgument,
  tooManyArguments,
  unknownArgument,
} from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import { bind, createScope, evaluate, type Frame, report, type Scope } from "./frame.js";
import type { Operand } from "./ops.js";
import { conform, isTensorType } from "./settings.js";
import { type Meaning, unknown } from "./value.js";

/** What a call brings: values from the left of `|>` and arguments in parentheses. */
export interface CallSite {
  readonly callee: string;
  readonly inputs: readonly (Operand & { readonly name: string | null })[];
  readonly args: readonly Argument[];
  readonly span: Span;
}

export interface Bound {
  readonly meaning: Meaning;
  readonly span: Span;
}

/**
 * Binds a call to formals. Defaults are evaluated in `home`, the frame of the declaration, and see
 * the formals before them. The result holds every formal; `null` when the call does not fit them,
 * which has been reported.
 */
export function bindArguments(
  frame: Frame,
  home: Frame,
  formals: readonly Formal[],
  call: CallSite,
): ReadonlyMap<string, Bound> | null {
  let fits = true;
  let hasExcess = false;
  const given = new Map<string, Bound>();
  const scope: Scope = createScope(home.scope);
  const inner: Frame = { ...home, scope };
  const give = (formal: Formal, meaning: Meaning, span: Span): void => {
    if (given.has(formal.name.text)) {
      fits = false;
      report(frame, duplicateArgument, { callee: call.callee, name: formal.name.text }, span);
    } else given.set(formal.name.text, { meaning, span });
  };
  const free = (): Formal | undefined => formals.find((formal) => !given.has(formal.name.text));

  for (const input of call.inputs) {
    const formal =
      input.name === null
        ? free()
        : formals.find((candidate) => candidate.name.text === input.name);
    if (formal === undefined) refuse(input.name, input.span);
    else give(formal, input.meaning, input.span);
  }
  for (const argument of call.args) {
    const name = argument.name?.text ?? null;
    const formal =
      name === null ? free() : formals.find((candidate) => candidate.name.text === name);
    if (formal === undefined) refuse(name, argument.name?.span ?? argument.span);
    else give(formal, evaluateFor(frame, formal, argument.value, call.callee), argument.value.span);
  }
  for (const formal of formals) {
    const bound = given.get(formal.name.text) ?? fallback(formal);
    given.set(formal.name.text, bound);
    bind(scope, formal.name.text, bound.meaning, formal.name.span);
  }
  return fits ? given : null;

  function fallback(formal: Formal): Bound {
    if (formal.value !== null)
      return {
        meaning: evaluateFor(inner, formal, formal.value, call.callee),
        span: formal.value.span,
      };
    // A call that is wrong already may miss this argument for the same reason.
    if (fits)
      report(frame, missingArgument, { callee: call.callee, name: formal.name.text }, call.span);
    fits = false;
    return { meaning: unknown, span: call.span };
  }

  function refuse(name: string | null, span: Span): void {
    fits = false;
    // Of several too many the first is enough.
    if (name === null && hasExcess) return;
    hasExcess ||= name === null;
    if (name === null)
      report(
        frame,
        tooManyArguments,
        {
          callee: call.callee,
          expected: formals.length,
          found: call.inputs.length + call.args.length,
        },
        span,
      );
    else
      report(
        frame,
        unknownArgument,
        {
          callee: call.callee,
          name,
          suggestion: suggest(
            name,
            formals.map((formal) => formal.name.text),
          ),
        },
        span,
      );
  }
}

function evaluateFor(frame: Frame, formal: Formal, expr: Expr, callee: string): Meaning {
  const { type } = formal;
  if (type === null || isTensorType(type)) return evaluate(frame, expr);
  const what = `\`${formal.name.text}\` of \`${callee}\``;
  return conform(frame, evaluate(frame, expr, type), type, expr.span, what);
}

/** A scope that holds the bound formals, inside the declaration's module. */
export function scopeOf(home: Frame, bound: ReadonlyMap<string, Bound>): Scope {
  const scope = createScope(home.scope);
  for (const [name, { meaning, span }] of bound) bind(scope, name, meaning, span);
  return scope;
}
