/** The dataset that a train or a stage reads, or one split of it: `Cars`, `Cars.val`. */

import type { Expr } from "../../grammar/ast.js";
import { unknownMember } from "../../grammar/diagnostics/names.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { suggest } from "../../grammar/suggest.js";
import { type CheckedDataset, checkDataset } from "./data/dataset.js";
import { moduleFrame } from "./definitions.js";
import { cannotCarryOut, evaluate, type Frame, report } from "./frame.js";
import { describe, type Meaning } from "./value.js";

const splits = ["train", "val", "test"];

/** `null` when it is no dataset or wrong, which is reported. */
export function dataOf(frame: Frame, expr: Expr): CheckedDataset | null {
  const whole = expr.kind === "member" ? evaluateOwner(frame, expr.object) : null;
  const dataset = whole === null ? datasetIn(evaluate(frame, expr)) : datasetIn(whole);
  if (dataset === null) {
    const meaning = whole ?? evaluate(frame, expr);
    if (meaning.kind === "unknown") return null;
    const found = describe(meaning);
    report(frame, wrongType, { what: "`data`", expected: "a dataset", found }, expr.span);
    return null;
  }
  if (whole !== null && expr.kind === "member") {
    const { text, span } = expr.member;
    if (!splits.includes(text)) {
      const owner = describe(whole);
      report(
        frame,
        unknownMember,
        { owner, member: text, suggestion: suggest(text, splits) ?? "val" },
        span,
      );
      return null;
    }
    if (text === "test") cannotCarryOut(frame, `training on \`${text}\``, expr.span);
  }
  const { declaration, module } = dataset;
  return checkDataset(moduleFrame(frame, module), declaration);
}

/** The split whose records are learned from: that of `Cars.val`, `train` where none is named. */
export const splitIn = (frame: Frame, expr: Expr | null): string =>
  expr?.kind === "member" && evaluateOwner(frame, expr.object) !== null
    ? expr.member.text
    : "train";

/** What stands before the last `.`, when it is a dataset: of a module its members are others. */
function evaluateOwner(frame: Frame, object: Expr): Meaning | null {
  const meaning = evaluate(frame, object);
  return datasetIn(meaning) === null ? null : meaning;
}

function datasetIn(meaning: Meaning) {
  if (meaning.kind !== "definition") return null;
  const { declaration, module } = meaning.definition;
  return declaration.kind === "dataset" ? { declaration, module } : null;
}
