/** How long stages last, as written and as the command line shares them out. */

import type { StageMember } from "../../grammar/ast.js";
import { unitMismatch, wrongType } from "../../grammar/diagnostics/types.js";
import type { Duration } from "../plan/schema.js";
import { evaluate, type Frame, report } from "./frame.js";
import { describe, printQuantity } from "./value.js";

/** A stage as written, and how long it lasts. */
export interface TimedStage {
  readonly member: StageMember;
  readonly duration: Duration;
}

/** Stages of one unit keep their proportions in a new total; each lasts at least one. */
export function shareOut<T extends TimedStage>(
  frame: Frame,
  stages: readonly T[],
  length: Duration,
): readonly T[] | null {
  const units = new Set(stages.map(({ duration }) => duration.unit));
  const total = stages.reduce((sum, { duration }) => sum + duration.amount, 0);
  if (units.size > 1 || length.amount < stages.length || total === 0) {
    const found = printQuantity(length.amount, length.unit);
    const what = units.size > 1 ? "the lengths of all stages" : "the length of all stages together";
    const expected =
      units.size > 1
        ? `in one unit to be shared out of ${found}`
        : `at least 1 ${length.unit} for each of ${stages.length}`;
    const [first] = stages;
    report(
      frame,
      wrongType,
      { what, expected, found: units.size > 1 ? [...units].join(" and ") : found },
      first?.member.duration.span ?? frame.module.module.span,
    );
    return null;
  }
  let before = 0;
  let used = 0;
  return stages.map((stage, i) => {
    before += stage.duration.amount;
    const left = stages.length - i - 1;
    const end = Math.min(
      length.amount - left,
      Math.max(used + 1, Math.round((length.amount * before) / total)),
    );
    const amount = end - used;
    used = end;
    return { ...stage, duration: { amount, unit: length.unit } };
  });
}

/** A stage lasts whole updates or passes over the data. */
export function stageDuration(frame: Frame, member: StageMember): Duration | null {
  const meaning = evaluate(frame, member.duration);
  if (meaning.kind === "unknown") return null;
  if (
    meaning.kind === "quantity" &&
    (meaning.unit === "step" || meaning.unit === "epoch") &&
    Number.isInteger(meaning.value) &&
    meaning.value >= 1
  )
    return { amount: meaning.value, unit: meaning.unit };
  report(
    frame,
    unitMismatch,
    {
      what: `the length of \`${member.name.text}\``,
      expected: "a whole number of `steps` or `epochs`, at least 1",
      found: describe(meaning),
    },
    member.duration.span,
  );
  return null;
}
