/**
 * What making a train's graphs would find, without making them: at most one training pass for all
 * stages that minimize a loss, and one update for all weights of a type that learn by the same rules.
 */

import { gradientReach } from "../autodiff/reach.js";
import type { Session } from "../check/elaboration.js";
import type { Fact } from "../check/frame.js";
import { frozenInstance } from "../check/globs.js";
import type { CheckedStage } from "../check/stages.js";
import type { CheckedTrain } from "../check/train.js";
import { describe } from "../check/value.js";
import { at } from "../../grammar/invariant.js";
import { createGraphBuilder } from "../ir/create-builder.js";
import { printType } from "../ir/type.js";
import type { Program } from "../modules.js";
import { lowerExports } from "./exports.js";
import { buildForward } from "./forward.js";
import { gradientName } from "./naming.js";
import type { ParameterRule } from "./parameter-rules.js";
import { checkOutOfMemory } from "./out-of-memory.js";
import { checkPrecomputed } from "./precompute.js";
import { checkedGradients, type StagePlan, updateAll } from "./stage.js";
import { keepSlot, maskOf, type OwnedSlot, type PreparedTrain, prepareTrain } from "./train.js";

/**
 * Reports what `lowerTrain` reports. One shortcut is taken: frozen blocks are met in training form,
 * so a path that only their evaluation form cuts is found by lowering alone.
 */
export function checkGraphs(
  session: Session,
  program: Program,
  train: CheckedTrain,
  facts: Fact[],
): void {
  const prepared = prepareTrain(session, program, train, facts);
  if (prepared === null) return;
  const stages = prepared.stages.map((plan, i) => ({ plan, checked: at(train.stages, i) }));
  for (const loss of new Set(train.stages.map((stage) => stage.loss))) {
    const own = stages.filter(({ checked }) => checked.loss === loss);
    const data = own.flatMap(({ checked }) =>
      checked.data !== null && checked.data.program.name !== train.data.program.name
        ? [checked.data]
        : [],
    );
    const options = { training: true, losses: [loss] };
    const forward = readsMode(program)
      ? buildForward(session, program.root, train, { ...options, ...maskOf(train) })
      : prepared.evaluation;
    if (forward === null) return;
    const plans = own.map(({ plan }) => plan);
    const objective = forward.objectives.find(({ evaluated }) => evaluated.loss === loss);
    if (checkedGradients(session, forward, plans, gradientReach, objective) === null) continue;
    // Another dataset must feed the model and the loss as well as the train's.
    for (const other of new Set(data))
      buildForward(session, program.root, { ...train, data: other }, options);
  }
  for (const { plan, checked } of stages)
    checkFrozen(session, program, train, prepared, plan, checked);
  checkUpdates(session, prepared);
  lowerExports(session, program, train, facts);
}

/**
 * Whether the program's own text tells training from evaluation. Where it does not, both passes are
 * built of the same parts, and the library's blocks have the same types and reach in both.
 */
const readsMode = ({ modules }: Program): boolean =>
  modules.some(
    ({ name, module }) =>
      !name.startsWith("saic:") && /\b(?:training|sampling)\b/.test(module.source.text),
  );

/** What is stored once per record, and what half a batch changes, depends on what the stage freezes. */
function checkFrozen(
  session: Session,
  program: Program,
  train: CheckedTrain,
  { frame, weights }: PreparedTrain,
  { name, trainable, updates }: StagePlan,
  checked: CheckedStage,
): void {
  if (checked.named.precompute.length === 0 && updates.halvedUnallowed === null) return;
  const frozen = new Set(weights.filter((path) => !trainable.includes(path)));
  const forward = buildForward(session, program.root, train, {
    training: true,
    losses: [checked.loss],
    isFrozen: frozenInstance(weights, frozen),
    ...maskOf(train),
  });
  if (forward === null) return;
  checkPrecomputed(frame, train, checked, { forward, trainable });
  checkOutOfMemory(frame, { name, updates }, forward);
}

/** One weight stands for all of its type whose rules are the same in every stage. */
function checkUpdates(session: Session, prepared: PreparedTrain): void {
  const { evaluation, rules, stages, frame } = prepared;
  const slots: OwnedSlot[] = [];
  const seen = new Set<string>();
  const learning = stages.map(({ trainable }) => new Set(trainable));
  const keys = new Map<ParameterRule | undefined, string>();
  const keyOf = (rule: ParameterRule | undefined): string => {
    const key = keys.get(rule) ?? ruleKey(rule);
    keys.set(rule, key);
    return key;
  };
  const typical = evaluation.members.filter(({ path, value }) => {
    const own = rules.map((byPath) => keyOf(byPath.get(path)));
    const learns = learning.map((paths) => paths.has(path));
    const key = [printType(value.type), ...own, ...learns].join();
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  stages.forEach((stage, i) => {
    const trainable = new Set(stage.trainable);
    const builder = createGraphBuilder();
    const learned = typical
      .filter(({ path }) => trainable.has(path))
      .map(({ path, value }) => ({
        path,
        value: builder.input(path, value.type),
        gradient: builder.input(gradientName(path), value.type),
      }));
    const updated = updateAll(session, at(rules, i), builder, stage, learned);
    for (const each of updated?.slots ?? []) keepSlot(frame, slots, each);
  });
}

/** Equal for rules that update alike: the optimizer, the values of its settings, what is scheduled. */
function ruleKey(rule: ParameterRule | undefined): string {
  if (rule === undefined) return "";
  const { declaration, settings } = rule.optimizer;
  const values = [...settings].map(([name, { meaning }]) => `${name}=${describe(meaning)}`);
  return [declaration.name.text, ...values, ...rule.schedules.keys()].join();
}
