/** How each parameter learns: the optimizer's settings as its groups change them, its schedules. */

import { invariant } from "../../grammar/invariant.js";
import type { Frame, Member } from "../check/frame.js";
import { settingsByWeight } from "../check/groups.js";
import type { CheckedOptimizer, CheckedTrain } from "../check/train.js";
import { asNumber } from "../check/value.js";
import type { Plan } from "../plan/schema.js";
import { scheduledSettings } from "./optimizer.js";

/** The optimizer of one parameter. */
export interface ParameterRule {
  readonly optimizer: CheckedOptimizer;
  /** Names of schedules by setting: `lr`, or `lr@2` where the train's second group gives it. */
  readonly schedules: ReadonlyMap<string, string>;
}

/** A schedule some parameter follows. */
interface Followed {
  readonly name: string;
  readonly setting: string;
  readonly base: number;
}

export interface ParameterRules {
  /** By the parameter's path. */
  readonly rules: ReadonlyMap<string, ParameterRule>;
  /** One per setting and distinct base: the optimizer's own first, then in the order of groups. */
  readonly schedules: Plan["schedules"];
}

/** Groups that match no weight are reported. */
export function parameterRules(
  frame: Frame,
  train: CheckedTrain,
  weights: readonly Member[],
): ParameterRules {
  const { optimizer } = train;
  const scheduled = scheduledSettings(optimizer);
  const followed: Followed[] = scheduled.map((setting) => ({
    name: setting,
    setting,
    base: numberOf(optimizer, setting),
  }));
  // In the order of groups, so that a name says which group gave the value first.
  const given = [...settingsByWeight(frame, train.groups, weights)];
  for (const [group, { settings }] of train.groups.entries())
    for (const setting of scheduled) {
      const base = asNumber(settings.get(setting)?.meaning ?? { kind: "none" });
      const wins = given.some(([, own]) => own.get(setting)?.group === group);
      const known = followed.some((each) => each.setting === setting && Object.is(each.base, base));
      if (base !== null && wins && !known)
        followed.push({ name: `${setting}@${group + 1}`, setting, base });
    }
  const rules = new Map(
    given.map(([path, own]) => {
      const merged = { ...optimizer, settings: new Map([...optimizer.settings, ...own]) };
      const schedules = new Map(
        scheduled.map((setting) => [setting, nameOf(followed, setting, numberOf(merged, setting))]),
      );
      return [path, { optimizer: merged, schedules }] as const;
    }),
  );
  const names = new Set([...rules.values()].flatMap((rule) => [...rule.schedules.values()]));
  return {
    rules,
    schedules: followed
      .filter(({ name }) => names.has(name))
      .map(({ name, base }) => scheduleOf(train, name, base)),
  };
}

function numberOf(optimizer: CheckedOptimizer, setting: string): number {
  const value = asNumber(optimizer.settings.get(setting)?.meaning ?? { kind: "none" });
  invariant(value !== null, `\`${setting}\` is a checked number`);
  return value;
}

function nameOf(followed: readonly Followed[], setting: string, base: number): string {
  const found = followed.find((each) => each.setting === setting && Object.is(each.base, base));
  invariant(found !== undefined, `no schedule of \`${setting}\` from ${base}`);
  return found.name;
}

/** The train's schedule moves the setting from its base through all stages. */
const scheduleOf = (
  train: CheckedTrain,
  name: string,
  base: number,
): Plan["schedules"][number] => ({
  name,
  base,
  stages: [0, train.stages.length - 1],
  segments: train.schedule.map(({ over, expr }) => ({
    over:
      over === null
        ? ("rest" as const)
        : {
            amount: over.value,
            unit:
              over.unit === "%"
                ? ("percent" as const)
                : over.unit === "epoch"
                  ? ("epoch" as const)
                  : ("step" as const),
          },
    value: expr,
  })),
});
