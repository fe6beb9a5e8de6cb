/** What a lint rule is: a kind of diagnostic, an example, and how findings are made. */

import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { LintContext } from "./context.js";

/** One rule of `saic lint`. It sees sound programs only, and never throws. */
export interface LintRule {
  /** Its diagnostics have this code. */
  readonly code: `lint/${string}`;
  /** Lines of a program that the rule complains about, and the same as it wants them. */
  readonly example: { readonly wrong: string; readonly right: string };
  readonly check: (context: LintContext) => readonly Diagnostic[];
}
