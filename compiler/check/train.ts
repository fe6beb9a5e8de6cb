/** Checks the members of a train that are settled before any graph exists. */

import type {
  Entry,
  Expr,
  GroupMember,
  LossMember,
  MetricsMember,
  ObjectiveMember,
  OptimizerDecl,
  StageMember,
  TrainDecl,
} from "../../grammar/ast.js";
import { alreadyDefined, missingKey } from "../../grammar/diagnostics/names.js";
import { notYetSupported } from "../../grammar/diagnostics/program.js";
import { wrongType } from "../../grammar/diagnostics/types.js";
import type { Span } from "../../grammar/source.js";
import type { ModuleScope } from "../modules.js";
import type { Duration, Objective } from "../plan/schema.js";
import { type Bound, bindArguments } from "./bind.js";
import { type CheckedDataset, checkDataset } from "./dataset.js";
import { moduleFrame } from "./definitions.js";
import { bindEntries } from "./entries.js";
import { evaluate, type Frame, report } from "./frame.js";
import { type CheckedGroup, checkGroups } from "./groups.js";
import {
  type BestPolicy,
  checkpointOf,
  everyOf,
  objectiveOf,
  shareOut,
  stageDuration,
  type TimedStage,
} from "./policies.js";
import { recipeOf } from "./recipe.js";
import { signature } from "./signature.js";
import { describe, type Recipe, type ScheduleSegment } from "./value.js";

export interface CheckedTrain {
  readonly declaration: TrainDecl;
  readonly model: Recipe;
  readonly modelSpan: Span;
  readonly data: CheckedDataset;
  readonly seed: number;
  readonly optimizer: CheckedOptimizer;
  readonly groups: readonly CheckedGroup[];
  readonly schedule: readonly ScheduleSegment[];
  readonly stages: readonly TimedStage[];
  readonly losses: readonly LossMember[];
  readonly metrics: readonly MetricsMember[];
  readonly objectives: readonly (Objective & { readonly span: Span })[];
  readonly validateEvery: Duration;
  readonly lastEvery: Duration;
  readonly best: BestPolicy | null;
}

export interface CheckedOptimizer {
  readonly declaration: OptimizerDecl;
  readonly module: ModuleScope;
  readonly settings: ReadonlyMap<string, Bound>;
  readonly span: Span;
}

/** Keys of a train; those of `later` belong to the language but not to this version. */
const trainFormals = signature(
  "train(model, data, seed: int = 0, optimizer, schedule = none, validate = none, checkpoint = none, precision: f32 | bf16 | f16 = f32)",
);
const later = [
  "accumulate",
  "allow",
  "clip_grad",
  "early_stop",
  "ema",
  "log",
  "on_nan",
  "on_oom",
  "precompute",
  "recompute",
  "weights",
];

/** What the command line says of seed and length. */
export interface Limits {
  readonly seed: number | null;
  /** The length of all stages together, shared out in proportion. */
  readonly length: Duration | null;
}

export function checkTrain(
  frame: Frame,
  declaration: TrainDecl,
  limits: Limits = { seed: null, length: null },
): CheckedTrain | null {
  const owner = `\`${declaration.name.text}\``;
  const members = declaration.members;
  const entries = members.filter((member): member is Entry => member.kind === "entry");
  // `checkpoint` and `validate` are read as written: their calls are not the language's functions.
  const plain = entries.map((entry) =>
    ["checkpoint", "validate", "optimizer"].includes(entry.key[0]?.text ?? "") &&
    entry.value !== null
      ? { ...entry, value: { kind: "bool" as const, value: true, span: entry.value.span } }
      : entry,
  );
  const bound = bindEntries(
    frame,
    { owner, formals: trainFormals, later },
    plain,
    declaration.name.span,
  );
  const stages = members
    .filter((member): member is StageMember => member.kind === "stage")
    .map((member) => ({ member, duration: stageDuration(frame, member) }));
  const losses = members.filter((member): member is LossMember => member.kind === "loss");
  if (losses.length === 0) report(frame, missingKey, { key: "loss", owner }, declaration.name.span);
  if (stages.length === 0)
    report(frame, missingKey, { key: "stage", owner }, declaration.name.span);
  checkUnique(
    frame,
    stages.map(({ member }) => member.name),
  );
  const entryOf = (key: string): Expr | null =>
    entries.find((entry) => entry.key.length === 1 && entry.key[0]?.text === key)?.value ?? null;

  const data = bound === null ? null : dataOf(frame, bound.get("data"));
  const model = bound === null ? null : modelOf(frame, bound.get("model"));
  const optimizer = optimizerOf(frame, entryOf("optimizer"));
  const grouped = members.filter((member): member is GroupMember => member.kind === "group");
  const groups = optimizer === null ? null : checkGroups(frame, grouped, optimizer);
  const validateEvery = everyOf(frame, entryOf("validate"), "every");
  const policy = checkpointOf(frame, entryOf("checkpoint"));
  const objectives = members
    .filter((member): member is ObjectiveMember => member.kind === "objective")
    .map((member) => objectiveOf(frame, member));
  if (bound === null || data === null || model === null || optimizer === null) return null;
  const seed = bound.get("seed")?.meaning;
  const precision = bound.get("precision");
  const schedule = bound.get("schedule");
  if (precision?.meaning.kind === "word" && precision.meaning.text !== "f32")
    report(
      frame,
      notYetSupported,
      { what: `the precision \`${precision.meaning.text}\`` },
      precision.span,
    );
  const segments = segmentsOf(frame, schedule);
  if (seed?.kind === "int" && seed.value < 0)
    report(
      frame,
      wrongType,
      { what: "`seed`", expected: "at least 0", found: String(seed.value) },
      bound.get("seed")?.span ?? declaration.name.span,
    );
  if (
    seed?.kind !== "int" ||
    seed.value < 0 ||
    segments === null ||
    groups === null ||
    validateEvery === null ||
    policy === null
  )
    return null;
  const known = stages.flatMap(({ member, duration }) =>
    duration === null ? [] : [{ member, duration }],
  );
  if (known.length !== stages.length || known.length === 0 || losses.length === 0) return null;
  const shared = limits.length === null ? known : shareOut(frame, known, limits.length);
  if (shared === null) return null;
  return {
    declaration,
    model,
    modelSpan: bound.get("model")?.span ?? declaration.span,
    data,
    seed: limits.seed ?? seed.value,
    optimizer,
    groups,
    schedule: segments,
    stages: shared,
    losses,
    metrics: members.filter((member): member is MetricsMember => member.kind === "metrics"),
    objectives: objectives.flatMap((objective) => (objective === null ? [] : [objective])),
    validateEvery,
    lastEvery: policy.lastEvery,
    best: policy.best,
  };
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

function dataOf(frame: Frame, bound: Bound | undefined): CheckedDataset | null {
  const meaning = bound?.meaning;
  if (bound === undefined || meaning === undefined || meaning.kind === "unknown") return null;
  if (meaning.kind === "definition" && meaning.definition.declaration.kind === "dataset")
    return checkDataset(
      moduleFrame(frame, meaning.definition.module),
      meaning.definition.declaration,
    );
  report(
    frame,
    wrongType,
    { what: "`data`", expected: "a dataset", found: describe(meaning) },
    bound.span,
  );
  return null;
}

function modelOf(frame: Frame, bound: Bound | undefined): Recipe | null {
  const meaning = bound?.meaning;
  if (bound === undefined || meaning === undefined || meaning.kind === "unknown") return null;
  if (meaning.kind === "recipe") return meaning.recipe;
  if (meaning.kind === "definition" && meaning.definition.declaration.kind === "block") {
    const call = {
      callee: meaning.definition.declaration.name.text,
      inputs: [],
      args: [],
      span: bound.span,
    };
    const made = recipeOf(frame, meaning.definition, call);
    return made.kind === "recipe" ? made.recipe : null;
  }
  report(
    frame,
    wrongType,
    { what: "`model`", expected: "a block", found: describe(meaning) },
    bound.span,
  );
  return null;
}

function optimizerOf(frame: Frame, expr: Expr | null): CheckedOptimizer | null {
  if (expr === null || expr.kind === "broken") return null;
  const callee = evaluate(frame, expr.kind === "call" ? expr.callee : expr);
  if (callee.kind === "unknown") return null;
  if (callee.kind !== "rule") {
    report(
      frame,
      wrongType,
      {
        what: "`optimizer`",
        expected: "an optimizer such as `adamw(lr: 1e-3)`",
        found: describe(callee),
      },
      expr.span,
    );
    return null;
  }
  const { declaration, module } = callee;
  const call = {
    callee: declaration.name.text,
    inputs: [],
    args: expr.kind === "call" ? expr.args : [],
    span: expr.span,
  };
  const settings = bindArguments(frame, moduleFrame(frame, module), declaration.formals, call);
  return settings === null ||
    [...settings.values()].some(({ meaning }) => meaning.kind === "unknown")
    ? null
    : { declaration, module, settings, span: expr.span };
}

function segmentsOf(frame: Frame, bound: Bound | undefined): readonly ScheduleSegment[] | null {
  if (bound === undefined || bound.meaning.kind === "none") return [];
  if (bound.meaning.kind === "unknown") return null;
  if (bound.meaning.kind !== "schedule") {
    report(
      frame,
      wrongType,
      {
        what: "`schedule`",
        expected: "a schedule such as `cosine(to: 0)`",
        found: describe(bound.meaning),
      },
      bound.span,
    );
    return null;
  }
  const { segments } = bound.meaning;
  const open = segments.filter((segment) => segment.over === null);
  const [, second] = open;
  if (second !== undefined || (open[0] !== undefined && open[0] !== segments.at(-1))) {
    report(
      frame,
      wrongType,
      {
        what: "only the last segment of a schedule",
        expected: "without a length",
        found: "another one",
      },
      (second ?? open[0])?.span ?? bound.span,
    );
    return null;
  }
  return segments;
}
