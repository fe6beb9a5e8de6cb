/** How each parameter learns in each stage: its rule as groups change it, and its schedules. */

import { invariant } from "../../grammar/invariant.js";
import type { Frame, Member } from "../check/frame.js";
import { type OwnSettings, settingsByWeight } from "../check/groups.js";
import type { CheckedOptimizer } from "../check/optimizer-call.js";
import type { CheckedStage } from "../check/stages.js";
import type { CheckedTrain } from "../check/train.js";
import { asNumber } from "../check/value.js";
import type { Plan } from "../plan/schema.js";
import { scheduledSettings } from "./optimizer.js";
import { planSchedule, type ScheduleRun, scheduleRuns } from "./schedule-runs.js";

/** The optimizer of one parameter. */
export interface ParameterRule {
  readonly optimizer: CheckedOptimizer;
  /** Names of schedules by setting: `lr`, or `lr@2` where the train's second group gives it. */
  readonly schedules: ReadonlyMap<string, string>;
}

/** By the parameter's path. */
export type StageRules = ReadonlyMap<string, ParameterRule>;

export interface ParameterRules {
  /** For every stage. */
  readonly stages: readonly StageRules[];
  /** One per run, setting and distinct base: the optimizer's own first, then in the order of groups. */
  readonly schedules: Plan["schedules"];
}

/** A schedule some parameter follows. */
interface Followed {
  readonly name: string;
  readonly setting: string;
  readonly base: number;
  readonly run: ScheduleRun;
}

/** What is wrong with groups is reported. */
export function parameterRules(
  frame: Frame,
  train: CheckedTrain,
  weights: readonly Member[],
): ParameterRules {
  const followed: Followed[] = [];
  const runs = scheduleRuns(train.stages);
  const stages = train.stages.map((stage, i): StageRules => {
    const run = runs.find(({ stages: own }) => own.includes(i));
    invariant(run !== undefined, "every stage has a schedule");
    const { byWeight, groups } = settingsByWeight(frame, train.groups, stage.optimizer, weights);
    follow(followed, stage, run, run.stages[0] === i ? run.suffix : stage.member.name.text, {
      byWeight,
      groups,
    });
    // Most weights learn like another: rules that come out the same are one.
    const made: { readonly own: OwnSettings; readonly rule: ParameterRule }[] = [];
    const ruleOf = (own: OwnSettings): ParameterRule => {
      const known = made.find((each) => areAlike(each.own, own));
      if (known !== undefined) return known.rule;
      const optimizer = mergedWith(stage.optimizer, own);
      const schedules = new Map(
        scheduledSettings(optimizer).map((setting) => {
          const base = numberOf(optimizer, setting);
          const found = followed.find((each) => isSame(each, { setting, base, run }));
          invariant(found !== undefined, `no schedule of \`${setting}\` from ${base}`);
          return [setting, found.name];
        }),
      );
      const rule = { optimizer, schedules };
      made.push({ own, rule });
      return rule;
    };
    return new Map([...byWeight].map(([path, own]) => [path, ruleOf(own)] as const));
  });
  const names = new Set(
    stages.flatMap((rules) => [...rules.values()].flatMap((rule) => [...rule.schedules.values()])),
  );
  return {
    stages,
    schedules: followed
      .filter(({ name }) => names.has(name))
      .map(({ name, base, run }) => planSchedule(name, base, run)),
  };
}

/** Whether two weights have the same settings from the same lines. */
const areAlike = (a: OwnSettings, b: OwnSettings): boolean =>
  a.optimizer === b.optimizer &&
  a.settings.size === b.settings.size &&
  [...a.settings].every(([name, bound]) => b.settings.get(name) === bound);

const isSame = (
  a: Pick<Followed, "setting" | "base" | "run">,
  b: Pick<Followed, "setting" | "base" | "run">,
): boolean => a.setting === b.setting && Object.is(a.base, b.base) && a.run === b.run;

/** Adds what a stage follows and none before it did: its own first, then in the order of groups. */
function follow(
  followed: Followed[],
  { optimizer }: CheckedStage,
  run: ScheduleRun,
  suffix: string,
  {
    byWeight,
    groups,
  }: { readonly byWeight: ReadonlyMap<string, OwnSettings>; readonly groups: readonly string[] },
): void {
  const add = (setting: string, base: number, group: string | null): void => {
    const parts = [suffix, group ?? ""].filter((part) => part !== "");
    const name = parts.length === 0 ? setting : `${setting}@${parts.join(".")}`;
    const next = { name, setting, base, run };
    if (!followed.some((each) => isSame(each, next))) followed.push(next);
  };
  for (const setting of scheduledSettings(optimizer))
    add(setting, numberOf(optimizer, setting), null);
  const own = [...byWeight.values()];
  for (const group of groups)
    for (const settings of own)
      for (const [setting, bound] of settings.settings) {
        const rule = mergedWith(optimizer, settings);
        if (bound.group !== group || !scheduledSettings(rule).includes(setting)) continue;
        add(setting, numberOf(rule, setting), group);
      }
  for (const settings of own) {
    const rule = settings.optimizer;
    if (rule === null) continue;
    for (const setting of scheduledSettings(rule))
      if (!settings.settings.has(setting))
        add(setting, numberOf(rule, setting), rule.declaration.name.text);
  }
}

/** The rule in force for a weight: its group's or the stage's, with the settings it is given. */
function mergedWith(optimizer: CheckedOptimizer, own: OwnSettings): CheckedOptimizer {
  const rule = own.optimizer ?? optimizer;
  const known = [...own.settings].filter(([key]) => rule.settings.has(key));
  return { ...rule, settings: new Map([...rule.settings, ...known]) };
}

function numberOf(optimizer: CheckedOptimizer, setting: string): number {
  const value = asNumber(optimizer.settings.get(setting)?.meaning ?? { kind: "none" });
  invariant(value !== null, `\`${setting}\` is a checked number`);
  return value;
}
