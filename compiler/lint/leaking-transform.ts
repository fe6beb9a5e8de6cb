/** `lint/leaking-transform`: random changes that val and test undergo too. */

import type { ApplyStep, Expr, TransformMember } from "../../grammar/ast.js";
import { diagnose, type Diagnostic, type Fix } from "../../grammar/diagnostic.js";
import { leakingTransform } from "../../grammar/diagnostics/lint.js";
import { randomTransforms } from "./random-transforms.js";
import type { LintRule } from "./rule.js";

export const leakingRule: LintRule = {
  code: "lint/leaking-transform",
  example: {
    wrong: "transform { image = image |> hflip(p: 0.5) }",
    right: "transform train { image = image |> hflip(p: 0.5) }",
  },
  check: ({ modules }) =>
    modules.flatMap(({ module }) =>
      module.declarations.flatMap((declaration) =>
        declaration.kind === "dataset"
          ? declaration.members.flatMap((member) =>
              member.kind === "transform" && member.split === null ? check(member) : [],
            )
          : [],
      ),
    ),
};

function check(member: TransformMember): readonly Diagnostic[] {
  const steps = member.assigns.flatMap(({ value }) => stepsIn(value));
  const isRandom = ({ callee }: ApplyStep): boolean =>
    callee.kind === "name" && randomTransforms.has(callee.name);
  const { source, start } = member.span;
  const end = start + "transform".length;
  const fix: Fix = { span: { source, start: end, end }, text: " train" };
  return steps.filter(isRandom).map((step) => {
    const transform = step.callee.kind === "name" ? step.callee.name : "";
    // Moved as a whole only where nothing else stands beside it.
    return diagnose(
      leakingTransform,
      { transform },
      step.span,
      steps.every(isRandom) ? { fix } : {},
    );
  });
}

/** The steps of `x |> a() |> b()` in order. */
const stepsIn = (expr: Expr): readonly ApplyStep[] =>
  expr.kind !== "pipe"
    ? []
    : [...stepsIn(expr.input), ...(expr.step.kind === "apply" ? [expr.step] : [])];
