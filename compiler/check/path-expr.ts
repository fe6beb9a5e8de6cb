/** Paths that are written as values: `recompute: [model.blocks.*]`, `copy(model.blocks.{i - 1}.**)`. */

import type { Expr, GPath } from "../../grammar/ast.js";
import { contradictoryKeys } from "../../grammar/diagnostics/training.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { evaluate, type Frame, report } from "./frame.js";
import { type Captures, withCaptures } from "./globs.js";
import { describe } from "./value.js";

/**
 * The path that a template stands for where the glob on its left has matched: `{i}` and `[e]` are
 * computed, each `*` and `**` stands for what it stood for there. `null` when it is wrong, which is
 * reported.
 */
export function pathFromTemplate(outer: Frame, glob: GPath, captures: Captures): string | null {
  const frame = withCaptures(outer, captures);
  const segments: string[] = [];
  let stars = 0;
  for (const segment of glob.segments) {
    const { text, computed, index, range } = segment;
    if (text.endsWith("*")) {
      const star = captures.stars[stars++];
      if (star === undefined || range !== null) {
        const reason = "has more `*` than the path on its left";
        report(frame, contradictoryKeys, { what: "the template", reason }, glob.span);
        return null;
      }
      segments.push(...(text === "**" ? [star] : [text.slice(0, -1) + star]));
    } else {
      const own = computed === null ? "" : segmentText(frame, computed);
      if (own === null) return null;
      segments.push(text + own);
    }
    if (range !== null) {
      const what = "an index of a template";
      report(frame, wrongType, { what, expected: "one index", found: "a range" }, range.span);
      return null;
    }
    const number = index === null ? "" : segmentText(frame, index);
    if (number === null) return null;
    segments.push(number);
  }
  return segments.filter((segment) => segment !== "").join(".");
}

function segmentText(frame: Frame, expr: Expr): string | null {
  const meaning = evaluate(frame, expr);
  if (meaning.kind === "string") return meaning.value;
  const number = meaning.kind === "int" || meaning.kind === "float" ? meaning.value : NaN;
  if (Number.isInteger(number) && number >= 0) return String(number);
  if (meaning.kind !== "unknown") {
    const what = "an index of a template";
    const expected = "an integer from 0 on";
    report(frame, wrongType, { what, expected, found: describe(meaning) }, expr.span);
  }
  return null;
}
