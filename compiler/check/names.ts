/** What a name means: locals first, then the module's, then the language's own. */

import type { Expr } from "../../grammar/ast.js";
import { batchInLoss } from "../../grammar/diagnostics/training.js";
import { ops } from "../ops/index.js";
import { builtinFunctions, constantNamed, opAliases } from "./builtin-names.js";
import { definitionMeaning } from "./definitions.js";
import { type Frame, lookup, report } from "./frame.js";
import { isInLoss } from "./over-time.js";
import { type Meaning, unknown } from "./value.js";

/** What a name means, or `null`: locals, the module, the language's own. */
export function nameMeaning(frame: Frame, name: string, expr: Expr): Meaning | null {
  const local = lookup(frame, name, expr.span);
  if (local !== null) return local;
  const definition = frame.module.definitions.get(name);
  if (definition !== undefined) return definitionMeaning(frame, definition, expr.span);
  const alias = frame.module.aliases.get(name);
  if (alias !== undefined) return { kind: "module", module: alias };
  if (frame.module.refused.has(name)) return unknown;
  if (name === "B" && isInLoss(frame)) {
    report(frame, batchInLoss, {}, expr.span);
    return unknown;
  }
  const constant = constantNamed(frame, name);
  if (constant !== null) return constant;
  const builtin = builtinFunctions.find((candidate) => candidate === name);
  if (builtin !== undefined) return { kind: "builtin", name: builtin };
  const op = ops.get(opAliases.get(name) ?? name);
  return op !== undefined && op.surface === "public" ? { kind: "op", op } : null;
}
