/** Checks the members of a train that are settled before any graph exists. */

import type {
  Entry,
  GroupMember,
  InitMember,
  MetricsMember,
  ObjectiveMember,
  StageMember,
  TrainDecl,
} from "../../grammar/ast.js";
import { alreadyDefined, missingKey } from "../../grammar/diagnostics/names.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import type { Duration, Objective } from "../plan/schema.js";
import { dataOf } from "./data-of-train.js";
import type { CheckedDataset } from "./data/dataset.js";
import { evaluate, type Frame, report } from "./frame.js";
import { tensorboardOf } from "./log.js";
import { type CheckedLoss, lossesIn } from "./losses.js";
import {
  type CheckpointPolicy,
  checkpointOf,
  objectiveOf,
  validateEvery as validationOf,
} from "./policies.js";
import { recipeOf } from "./recipe.js";
import { conform } from "./settings.js";
import { signature } from "./signature.js";
import { shareOut } from "./stage-length.js";
import { type CheckedStage, checkStage } from "./stages.js";
import { keysOfTrain, type KeyValue } from "./train-keys.js";
import { describe, type Recipe } from "./value.js";

export type { CheckedOptimizer } from "./optimizer-call.js";

export interface CheckedTrain {
  readonly declaration: TrainDecl;
  readonly model: Recipe;
  readonly modelSpan: Span;
  readonly data: CheckedDataset;
  readonly seed: number;
  readonly groups: readonly GroupMember[];
  readonly init: readonly InitMember[];
  readonly stages: readonly CheckedStage[];
  /** Those of the train, then those that stand in stages. */
  readonly losses: readonly CheckedLoss[];
  readonly metrics: readonly MetricsMember[];
  readonly objectives: readonly (Objective & { readonly span: Span })[];
  readonly validateEvery: Duration;
  readonly checkpoint: CheckpointPolicy;
  /** Where scalars for TensorBoard go, empty for the run's own directory; `null` where none do. */
  readonly tensorboard: string | null;
}

/** What the command line says of seed and length. */
export interface Limits {
  readonly seed: number | null;
  /** The length of all stages together, shared out in proportion. */
  readonly length: Duration | null;
}

/** `null` when anything is wrong that no graph is needed for; everything has been reported. */
export function checkTrain(
  frame: Frame,
  declaration: TrainDecl,
  limits: Limits = { seed: null, length: null },
): CheckedTrain | null {
  const owner = `\`${declaration.name.text}\``;
  const { members } = declaration;
  const entries = members.filter((member): member is Entry => member.kind === "entry");
  const values = keysOfTrain(frame, owner, entries);
  const stageMembers = members.filter((member): member is StageMember => member.kind === "stage");
  const losses = lossesIn(frame, declaration);
  const isComplete = requireKeys(frame, declaration, entries, losses);
  checkUnique(
    frame,
    stageMembers.map(({ name }) => name),
  );
  const dataKey = values.get("data");
  const data = dataKey === undefined ? null : dataOf(frame, dataKey.value);
  const model = modelOf(frame, values.get("model"));
  const seed = seedOf(frame, owner, values.get("seed"));
  const context = { declaration, values, losses, data };
  const stages = stageMembers.map((member) => checkStage(frame, context, member));
  const validateEvery = validationOf(frame, values.get("validate")?.value ?? null);
  const policy = checkpointOf(frame, values.get("checkpoint")?.value ?? null);
  const objectives = members
    .filter((member): member is ObjectiveMember => member.kind === "objective")
    .map((member) => objectiveOf(frame, member));
  const known = stages.filter((stage) => stage !== null);
  if (
    !isComplete ||
    data === null ||
    model === null ||
    seed === null ||
    validateEvery === null ||
    policy === null ||
    known.length !== stages.length ||
    known.length === 0
  )
    return null;
  const shared = limits.length === null ? known : shareOut(frame, known, limits.length);
  if (shared === null) return null;
  return {
    declaration,
    model,
    modelSpan: values.get("model")?.value.span ?? declaration.span,
    data,
    seed: limits.seed ?? seed,
    groups: members.filter((member): member is GroupMember => member.kind === "group"),
    init: members.filter((member): member is InitMember => member.kind === "init"),
    stages: shared,
    losses,
    metrics: members.filter((member): member is MetricsMember => member.kind === "metrics"),
    objectives: objectives.flatMap((objective) => (objective === null ? [] : [objective])),
    validateEvery,
    checkpoint: policy,
    tensorboard: tensorboardOf(frame, values),
  };
}

/** Whether nothing is missing that has no default. A stage may give its own loss and optimizer. */
function requireKeys(
  frame: Frame,
  { name, members }: TrainDecl,
  entries: readonly Entry[],
  losses: readonly CheckedLoss[],
): boolean {
  const owner = `\`${name.text}\``;
  const stages = members.filter((member): member is StageMember => member.kind === "stage");
  const has = (lines: readonly { readonly kind: string }[], key: string): boolean =>
    lines.some(
      (line) =>
        line.kind === "entry" && (line as Entry).key.map(({ text }) => text).join(".") === key,
    );
  const byStages = (key: string): boolean =>
    stages.length > 0 && stages.every((stage) => has(stage.members, key));
  const missing = [
    ...["model", "data", "optimizer"].filter((key) => !has(entries, key)),
    ...(losses.length === 0 ? ["loss"] : []),
    ...(stages.length === 0 ? ["stage"] : []),
  ].filter((key) => key !== "optimizer" || !byStages(key));
  for (const key of missing) report(frame, missingKey, { key, owner }, name.span);
  return missing.length === 0;
}

function checkUnique(
  frame: Frame,
  names: readonly { readonly text: string; readonly span: Span }[],
): void {
  const seen = new Map<string, Span>();
  for (const { text, span } of names) {
    const earlier = seen.get(text);
    if (earlier === undefined) seen.set(text, span);
    else
      report(frame, alreadyDefined, { name: text }, span, [
        { span: earlier, text: "first defined here" },
      ]);
  }
}

const seedFormals = signature("train(seed: int = 0)");

/** A whole number from 0 on; 0 where none is given. */
function seedOf(frame: Frame, owner: string, given: KeyValue | undefined): number | null {
  if (given === undefined) return 0;
  const type = seedFormals[0]?.type ?? null;
  if (type === null) return null;
  const { value } = given;
  const what = `\`seed\` of ${owner}`;
  const seed = conform(frame, evaluate(frame, value, type), type, value.span, what);
  if (seed.kind === "int" && seed.value >= 0) return seed.value;
  if (seed.kind === "int") {
    const found = String(seed.value);
    report(frame, wrongType, { what: "`seed`", expected: "at least 0", found }, value.span);
  }
  return null;
}

function modelOf(frame: Frame, given: KeyValue | undefined): Recipe | null {
  if (given === undefined) return null;
  const { span } = given.value;
  const meaning = evaluate(frame, given.value);
  if (meaning.kind === "unknown") return null;
  if (meaning.kind === "recipe") return meaning.recipe;
  if (meaning.kind === "definition" && meaning.definition.declaration.kind === "block") {
    const callee = meaning.definition.declaration.name.text;
    const made = recipeOf(frame, meaning.definition, { callee, inputs: [], args: [], span });
    return made.kind === "recipe" ? made.recipe : null;
  }
  report(
    frame,
    wrongType,
    { what: "`model`", expected: "a block", found: describe(meaning) },
    span,
  );
  return null;
}
