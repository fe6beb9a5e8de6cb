/**
 * Checks functions, schedules and optimizers of the root module on their own: with nothing known of
 * what they are given, every branch is looked through for names and for arguments that do not fit.
 */

import type { FnDecl, Formal, OptimizerDecl, ScheduleDecl } from "../../grammar/ast.js";
import { unknownName } from "../../grammar/diagnostics/names.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { suggest } from "../../grammar/suggest.js";
import type { Program } from "../modules.js";
import { scalarVariables } from "../plan/scalar-words.js";
import { destructure, evaluateBody } from "./destructure.js";
import { createElaboration, rootFrame, type Session } from "./elaboration.js";
import { bind, evaluate, type Frame, report } from "./frame.js";
import { conform, isTensorType } from "./settings.js";
import { describe, unknown } from "./value.js";

/** A mistake that a use has shown already is not reported again. */
export function checkBodies(session: Session, program: Program): void {
  for (const declaration of program.root.module.declarations)
    if (
      declaration.kind === "fn" ||
      declaration.kind === "schedule" ||
      declaration.kind === "optimizer"
    )
      // `training` and `sampling` decide branches too.
      for (const learning of [true, false]) {
        const elaboration = createElaboration(session, { generic: "every branch" });
        const root = rootFrame(elaboration, program.root);
        const frame: Frame = { ...root, training: learning, sampling: learning };
        bindFormals(frame, declaration.formals, declaration.name.text);
        checkBody(frame, declaration);
      }
}

function checkBody(frame: Frame, declaration: FnDecl | ScheduleDecl | OptimizerDecl): void {
  switch (declaration.kind) {
    case "fn":
      evaluateBody(frame, declaration.body);
      break;
    case "schedule":
      for (const name of scalarVariables)
        bind(frame.scope, name, { kind: "scalar", expr: { kind: "variable", name } });
      evaluate(frame, declaration.value);
      break;
    case "optimizer":
      checkRule(frame, declaration);
  }
}

/** Defaults are checked, but not taken: what they decide would hide the other branches. */
function bindFormals(frame: Frame, formals: readonly Formal[], owner: string): void {
  for (const { name, type, value } of formals) {
    if (value !== null) {
      const meaning = evaluate(frame, value, type);
      if (type !== null && !isTensorType(type))
        conform(frame, meaning, type, value.span, `\`${name.text}\` of \`${owner}\``);
    }
    bind(frame.scope, name.text, unknown, name.span);
  }
}

function checkRule(frame: Frame, declaration: OptimizerDecl): void {
  const { parameter, gradient, members } = declaration;
  for (const name of [parameter, gradient]) bind(frame.scope, name.text, unknown, name.span);
  bind(frame.scope, "step", unknown);
  const known = [parameter.text];
  for (const member of members)
    switch (member.kind) {
      case "slot": {
        const guard = member.guard === null ? unknown : evaluate(frame, member.guard);
        if (member.guard !== null && guard.kind !== "bool" && guard.kind !== "unknown")
          report(
            frame,
            wrongType,
            { what: "the condition of `if`", expected: "`bool`", found: describe(guard) },
            member.guard.span,
          );
        evaluate(frame, member.value);
        bind(frame.scope, member.name.text, unknown, member.name.span);
        known.push(member.name.text);
        break;
      }
      case "let":
        destructure(frame, member.names, evaluate(frame, member.value));
        break;
      case "update": {
        const { text, span } = member.name;
        evaluate(frame, member.value);
        if (!known.includes(text))
          report(frame, unknownName, { name: text, suggestion: suggest(text, known) }, span);
      }
    }
}
