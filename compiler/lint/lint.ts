/** Lints a sound program: findings of all rules, less those that a comment allows. */

import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { Analysis } from "../compile.js";
import type { CompilerHost } from "../host.js";
import { applyAllows } from "./allow.js";
import { lintContext } from "./context.js";
import { lintRules } from "./rules.js";

/**
 * Findings by place, and comments that allow what is not there. A program with errors has none:
 * what its text means is not known.
 */
export function lintProgram(analysis: Analysis, host: CompilerHost): readonly Diagnostic[] {
  if (analysis.diagnostics.some(({ severity }) => severity === "error")) return [];
  const context = lintContext(analysis, host);
  const found = lintRules.flatMap((rule) => rule.check(context));
  const files = context.modules.map(({ module }) => module.source);
  return applyAllows(
    files,
    found,
    lintRules.map(({ code }) => code),
  );
}
