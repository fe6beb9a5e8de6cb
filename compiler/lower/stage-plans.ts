/** What learns in each stage, and since when its slots live. */

import { invariant } from "../../grammar/invariant.js";
import type { Session } from "../check/elaboration.js";
import type { Frame, Member } from "../check/frame.js";
import { frozenPaths } from "../check/globs.js";
import type { CheckedTrain } from "../check/train.js";
import { slotNames } from "./optimizer.js";
import type { ParameterRule, StageRules } from "./parameter-rules.js";
import type { StagePlan } from "./stage.js";

/**
 * Everything a stage's lines leave unfrozen learns, but what is unused, and the weights of losses
 * that the stage does not minimize. Slots survive while a weight stays trainable under the same
 * rule with the same slots, and are made anew otherwise.
 */
export function planStages(
  frame: Frame,
  session: Session,
  train: CheckedTrain,
  parameters: readonly Member[],
  rules: readonly StageRules[],
): readonly StagePlan[] {
  const born = new Map<string, number>();
  const before = new Map<string, ParameterRule>();
  const kept = new Map<ParameterRule["optimizer"], string>();
  const slotsOf = ({ optimizer }: ParameterRule): string => {
    const known = kept.get(optimizer) ?? slotNames(session, optimizer).join(",");
    kept.set(optimizer, known);
    return known;
  };
  const paths = parameters.map(({ path }) => path);
  const losses = new Set(train.losses.map(({ path }) => path));
  return train.stages.map(({ member, lines, loss, named: { updates } }, i) => {
    const frozen = frozenPaths(frame, lines, paths);
    const trainable = parameters
      .filter(({ unused, owner }) => !unused && (!losses.has(owner) || owner === loss.path))
      .map(({ path }) => path)
      .filter((path) => !frozen.has(path));
    const learns = new Set(trainable);
    for (const path of paths) {
      if (!learns.has(path)) {
        born.delete(path);
        continue;
      }
      const rule = rules[i]?.get(path);
      const earlier = before.get(path);
      invariant(rule !== undefined, `no rule for ${path}`);
      const goesOn =
        earlier !== undefined &&
        earlier.optimizer.declaration === rule.optimizer.declaration &&
        slotsOf(earlier) === slotsOf(rule);
      if (!born.has(path) || !goesOn) born.set(path, i);
      before.set(path, rule);
    }
    return { name: member.name.text, trainable, born: new Map(born), updates };
  });
}
