/** A pass over a split: which transform steps apply, and where their random part begins. */

import type { DataProgram } from "../../compiler/plan/data.js";
import type { SplitName } from "./dataset.js";
import { isRandom } from "./transforms/transform.js";

/** `train` trains; `val` and `test` evaluate; `train_as_is` evaluates the training split. */
export type Pass = "train" | "val" | "test" | "train_as_is";

export type Step = DataProgram["transforms"][number];

/** The pass that evaluates a split: steps of training alone do not apply to it. */
export const evaluationOf = (split: SplitName): Pass => (split === "train" ? "train_as_is" : split);

/** The steps of `field` in a pass, top to bottom: those of every split and those of its own. */
export const stepsFor = (program: DataProgram, pass: Pass, field: string): readonly Step[] =>
  program.transforms.filter(
    (step) => step.field === field && (step.split === null || step.split === pass),
  );

/** The first step that draws ends the part of the result that is the same in every epoch. */
export function cutAtRandom(steps: readonly Step[]): {
  readonly fixed: readonly Step[];
  readonly rest: readonly Step[];
} {
  const first = steps.findIndex((step) => isRandom(step.op));
  const cut = first < 0 ? steps.length : first;
  return { fixed: steps.slice(0, cut), rest: steps.slice(cut) };
}
