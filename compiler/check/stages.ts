/** Stages: what each of them trains, by which loss and rule, with its keys in place of the train's. */

import type { FreezeMember, MetricsMember, StageMember, TrainDecl } from "../../grammar/ast.js";
import { duplicateKey, unknownName } from "../../grammar/diagnostics/names.js";
import {
  contradictoryKeys,
  namedLossChosen,
  nothingToRestart,
} from "../../grammar/diagnostics/training.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import { suggest } from "../../grammar/suggest.js";
import { dataOf, splitIn } from "./data-of-train.js";
import type { CheckedDataset } from "./data/dataset.js";
import { cannotCarryOut, type Frame, report } from "./frame.js";
import { type CheckedLoss, lossOfStage } from "./losses.js";
import { type CheckedOptimizer, optimizerOf, scheduleOf } from "./optimizer-call.js";
import type { Duration } from "../plan/schema.js";
import {
  type CheckpointPolicy,
  checkpointOf,
  choiceOf,
  type MetricChoice,
  validateEvery,
} from "./policies.js";
import { policyOf } from "./policy-forms.js";
import { stageDuration, type TimedStage } from "./stage-length.js";
import { keysOfStage, type KeyValues } from "./train-keys.js";
import { checkPolicies, type NamedByPolicies } from "./train-policies.js";
import type { ScheduleSegment } from "./value.js";

export interface CheckedStage extends TimedStage {
  readonly loss: CheckedLoss;
  readonly optimizer: CheckedOptimizer;
  readonly schedule: StageSchedule;
  /** Lines of the train, then those of the stage. */
  readonly lines: readonly FreezeMember[];
  /** Metrics that only this stage has. */
  readonly metrics: readonly MetricsMember[];
  readonly named: NamedByPolicies;
  /** The dataset in place of the train's. */
  readonly data: CheckedDataset | null;
  /** The split that it learns from. */
  readonly split: "train" | "val";
  /** In place of the train's. */
  readonly validateEvery: Duration | null;
  readonly checkpoint: CheckpointPolicy | null;
  /** By what the weights are chosen that the stage begins with; `null`: the last. */
  readonly start: MetricChoice | null;
}

export interface StageSchedule {
  readonly segments: readonly ScheduleSegment[];
  /** `own`: the stage's; `restarted`: the train's, begun anew here; `train`: the train's, going on. */
  readonly from: "own" | "restarted" | "train";
}

/** A train as far as its stages need it. */
export interface StageContext {
  readonly declaration: TrainDecl;
  readonly values: KeyValues;
  readonly losses: readonly CheckedLoss[];
  readonly data: CheckedDataset | null;
}

/** `null` when the stage is wrong, which is reported. */
export function checkStage(
  frame: Frame,
  { declaration, values: ofTrain, losses, data: base }: StageContext,
  member: StageMember,
): CheckedStage | null {
  const values = keysOfStage(frame, member, ofTrain);
  const isFirst = declaration.members.find(({ kind }) => kind === "stage") === member;
  const duration = stageDuration(frame, member);
  const loss = lossChosen(frame, declaration, losses, values, member);
  const given = (key: string) => values.get(key)?.value ?? null;
  const optimizer = optimizerOf(frame, given("optimizer"));
  const segments = scheduleOf(frame, given("schedule"));
  const schedule = segments === null ? null : scheduleFor(frame, member, values, segments);
  const named = checkPolicies(frame, values);
  const start = startOf(frame, values, isFirst);
  const data = own(values, "data");
  const dataset = data === null ? null : dataOf(frame, data.value);
  const validated = own(values, "validate");
  const validation = validated === null ? null : validateEvery(frame, validated.value);
  const kept = own(values, "checkpoint");
  const policy = kept === null ? null : checkpointOf(frame, kept.value);
  const metrics = member.members.filter((line): line is MetricsMember => line.kind === "metrics");
  if (
    duration === null ||
    loss === null ||
    optimizer === null ||
    schedule === null ||
    named === null ||
    start === "wrong" ||
    (validated !== null && validation === null) ||
    (data !== null && dataset === null) ||
    (kept !== null && policy === null)
  )
    return null;
  if (data !== null && base !== null && dataset?.program.name !== base.program.name)
    cannotCarryOut(frame, "another dataset in a stage", data.span);
  const choices = [
    ...named.choices,
    ...(start === null ? [] : [start]),
    ...(policy?.best === null || policy === null ? [] : [policy.best]),
  ];
  return {
    member,
    duration,
    loss,
    optimizer,
    schedule,
    lines: [...declaration.members, ...member.members].filter(
      (line): line is FreezeMember => line.kind === "freeze" || line.kind === "unfreeze",
    ),
    metrics,
    named: { ...named, choices },
    data: dataset,
    split: splitIn(frame, given("data")) === "val" ? "val" : "train",
    validateEvery: validation,
    checkpoint: policy,
    start,
  };
}

const own = (values: KeyValues, key: string) => {
  const value = values.get(key);
  return value?.byStage === true ? value : null;
};

/** The loss in the stage, the one that `loss:` names, the unnamed one, or the only one. */
function lossChosen(
  frame: Frame,
  declaration: TrainDecl,
  losses: readonly CheckedLoss[],
  values: KeyValues,
  member: StageMember,
): CheckedLoss | null {
  const chosen = values.get("loss");
  const inside = lossOfStage(losses, member);
  if (inside !== undefined) {
    if (chosen?.byStage !== true) return inside;
    const owner = `the stage \`${member.name.text}\``;
    report(frame, duplicateKey, { key: "loss", owner }, chosen.span, [
      { span: inside.span, text: "first given here" },
    ]);
    return null;
  }
  if (chosen !== undefined) {
    const { value } = chosen;
    const names = losses.flatMap(({ name }) => (name === null ? [] : [name]));
    const found = losses.find(({ name }) => value.kind === "name" && name === value.name);
    if (found !== undefined) return found;
    if (value.kind === "name")
      report(
        frame,
        unknownName,
        { name: value.name, suggestion: suggest(value.name, names) },
        value.span,
      );
    else {
      const expected = "the name of a loss of this train";
      const what = "`loss`";
      report(frame, wrongType, { what, expected, found: "another expression" }, value.span);
    }
    return null;
  }
  const shared = losses.filter((loss) => declaration.members.some((line) => line === loss.member));
  const unnamed = shared.find(({ name }) => name === null);
  const [only, second] = shared;
  if (unnamed !== undefined) return unnamed;
  if (only !== undefined && second === undefined) return only;
  if (only === undefined) return null;
  const names = shared.flatMap(({ name }) => (name === null ? [] : [name]));
  report(frame, namedLossChosen, { stage: member.name.text, names }, member.name.span);
  return null;
}

function scheduleFor(
  frame: Frame,
  member: StageMember,
  values: KeyValues,
  segments: readonly ScheduleSegment[],
): StageSchedule | null {
  const isOwn = own(values, "schedule") !== null;
  const restart = member.members.find((line) => line.kind === "restart");
  if (restart === undefined) return { segments, from: isOwn ? "own" : "train" };
  if (restart.what.text !== "schedule") {
    const suggestion = "schedule";
    report(frame, unknownName, { name: restart.what.text, suggestion }, restart.what.span);
    return null;
  }
  if (!isOwn && segments.length > 0) return { segments, from: "restarted" };
  const reason = isOwn ? "the stage has a schedule of its own" : "the train has no schedule";
  report(frame, nothingToRestart, { reason }, restart.span);
  return null;
}

/** `start: best(val.f1)`; nothing is loaded by `start: last`. */
function startOf(frame: Frame, values: KeyValues, isFirst: boolean): MetricChoice | null | "wrong" {
  const given = values.get("start");
  if (given === undefined) return null;
  const policy = policyOf(frame, "start", given.value);
  if (policy === null) return "wrong";
  if (policy.form === "last") return null;
  const choice = choiceOf(policy);
  if (!isFirst || choice === null) return choice;
  const reason = "stands in the first stage: nothing has been measured before it";
  report(frame, contradictoryKeys, { what: "`start`", reason }, given.span);
  return "wrong";
}
