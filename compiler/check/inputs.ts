/** What a call gives to a block's inputs: by name or in order, defaults for the rest. */

import type { BlockDecl, Expr, MetricDecl, Port } from "../../grammar/ast.js";
import {
  duplicateArgument,
  missingArgument,
  tooManyArguments,
  unknownArgument,
  wrongType,
} from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import { suggest } from "../../grammar/suggest.js";
import type { CallSite } from "./bind.js";
import { bind, bindLazily, evaluate, type Frame, report } from "./frame.js";
import { describe, type Meaning, none, unknown } from "./value.js";

export interface Input {
  readonly port: Port;
  readonly meaning: Meaning;
  readonly span: Span;
}

/** Gives each `in` port what arrives at it; `null` when it does not fit. An absent port is `none`. */
export function takeInputs(
  frame: Frame,
  base: Frame,
  declaration: BlockDecl,
  call: CallSite,
): readonly Input[] | null {
  const block = declaration.name.text;
  const all = declaration.members.filter(
    (member): member is Port => member.kind === "port" && member.direction === "in",
  );
  bindConstants(base, declaration);
  const guards = new Map(all.map((port) => [port, presence(base, port.guard)]));
  const ports = all.filter((port) => guards.get(port) !== "absent");
  const taken = new Map<Port, Input>();
  for (const input of call.inputs) {
    const { name, meaning, span } = input;
    const port =
      name === null
        ? ports.find((candidate) => !taken.has(candidate))
        : ports.find((candidate) => candidate.name.text === name);
    if (port === undefined) {
      const absent = name !== null && all.some((candidate) => candidate.name.text === name);
      if (absent && meaning.kind === "none") continue;
      const found = call.inputs.length;
      const known = ports.map((candidate) => candidate.name.text);
      if (name === null)
        report(frame, tooManyArguments, { callee: block, expected: ports.length, found }, span);
      else
        report(
          frame,
          unknownArgument,
          { callee: block, name, suggestion: suggest(name, known) },
          span,
        );
      return null;
    }
    if (taken.has(port)) {
      report(frame, duplicateArgument, { callee: block, name: port.name.text }, span);
      return null;
    }
    taken.set(port, { port, meaning, span });
  }
  for (const port of all) {
    const given = taken.get(port);
    const absent = guards.get(port) === "absent" || (guards.get(port) === "unknown" && !given);
    // `none` stands for nothing given: the default takes its place.
    const left = given === undefined || (given.meaning.kind === "none" && port.value !== null);
    if (left && !absent && port.value === null) {
      report(frame, missingArgument, { callee: block, name: port.name.text }, call.span);
      return null;
    }
    const input = ((): Input => {
      if (absent)
        return { port, meaning: guards.get(port) === "absent" ? none : unknown, span: port.span };
      if (!left) return given;
      // A default may read the inputs before it.
      const value: Expr | null = port.value;
      return {
        port,
        meaning: value === null ? none : evaluate(base, value),
        span: value?.span ?? port.span,
      };
    })();
    bind(base.scope, port.name.text, input.meaning, port.name.span);
    taken.set(port, input);
  }
  return all.flatMap((port) => taken.get(port) ?? []);
}

/** Whether a member with a condition is there; its condition is compile-time. */
export function presence(frame: Frame, guard: Expr | null): "present" | "absent" | "unknown" {
  if (guard === null) return "present";
  const meaning = evaluate(frame, guard);
  if (meaning.kind === "bool") return meaning.value ? "present" : "absent";
  if (meaning.kind !== "unknown")
    report(
      frame,
      wrongType,
      { what: "the condition of `if`", expected: "`bool`", found: describe(meaning) },
      guard.span,
    );
  return "unknown";
}

/** Consts are evaluated when first used: they may stand in any order and in port types. */
export function bindConstants(frame: Frame, declaration: BlockDecl | MetricDecl): void {
  for (const member of declaration.members)
    if (member.kind === "const")
      bindLazily(
        frame.scope,
        member.name.text,
        () => evaluate(frame, member.value),
        member.name.span,
      );
}
