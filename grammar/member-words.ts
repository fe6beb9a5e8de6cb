/** Which words begin a declaration or a member, in which bracket, and what the brace after them holds. */

import type { TokenType } from "chevrotain";

import {
  Better,
  Block,
  Carry,
  Dataset,
  Expect,
  Export,
  Field,
  Fit,
  Fn,
  Freeze,
  Group,
  In,
  Init,
  Loader,
  Loss,
  Max,
  Mesh,
  Metric,
  Metrics,
  Min,
  Objective,
  Of,
  On,
  Optimizer,
  Out,
  Over,
  Predict,
  Restart,
  Schedule,
  Shard,
  Slot,
  Split,
  Stage,
  State,
  Sum,
  Sweep,
  Tap,
  Train,
  Transform,
  Unfreeze,
  Unused,
  Variant,
  Weight,
} from "./tokens.js";

/** What an open bracket holds. `module` and `expression` are the outermost, which nothing opens. */
export type FrameKind =
  | "module"
  | "expression"
  | "paren"
  | "bracket"
  | "axes"
  | "block"
  | "optimizer"
  | "metric"
  | "dataset"
  | "train"
  | "variant"
  | "stage"
  | "loss"
  | "assigns"
  | "entries"
  | "rules"
  | "body"
  | "names"
  | "path";

/** What a word becomes where it begins a declaration or member. */
export interface WordRole {
  readonly type: TokenType;
  /** What the next brace holds. */
  readonly opens: FrameKind | null;
}

type Words = Readonly<Record<string, WordRole>>;

const role = (type: TokenType, opens: FrameKind | null = null): WordRole => ({ type, opens });

/** The words that begin a declaration and may be names elsewhere. */
export const DECLARATIONS: Words = {
  fn: role(Fn, "body"),
  block: role(Block, "block"),
  optimizer: role(Optimizer, "optimizer"),
  schedule: role(Schedule),
  metric: role(Metric, "metric"),
  dataset: role(Dataset, "dataset"),
  train: role(Train, "train"),
  mesh: role(Mesh, "entries"),
  shard: role(Shard, "rules"),
  variant: role(Variant, "variant"),
  sweep: role(Sweep, "entries"),
  export: role(Export, "entries"),
  expect: role(Expect),
};

/** The word after the name in the head of some declarations, with the token it becomes. */
export const HEAD_WORDS: Readonly<
  Record<string, { readonly word: string; readonly type: TokenType }>
> = {
  shard: { word: "on", type: On },
  variant: { word: "of", type: Of },
  sweep: { word: "over", type: Over },
  metric: { word: "better", type: Better },
};

const owned: Words = { weight: role(Weight), state: role(State), unused: role(Unused) };

const datasetWords: Words = {
  field: role(Field),
  fit: role(Fit),
  split: role(Split, "entries"),
  transform: role(Transform, "assigns"),
  loader: role(Loader, "entries"),
};

const trainWords: Words = {
  loss: role(Loss, "loss"),
  metrics: role(Metrics, "assigns"),
  stage: role(Stage, "stage"),
  objective: role(Objective),
  group: role(Group, "entries"),
  init: role(Init, "rules"),
  predict: role(Predict, "assigns"),
};

const freezeWords: Words = { freeze: role(Freeze), unfreeze: role(Unfreeze) };

/** The words that begin a member, by the bracket they stand in; names elsewhere. */
export const MEMBERS: Readonly<Partial<Record<FrameKind, Words>>> = {
  block: { in: role(In), out: role(Out), ...owned, carry: role(Carry), tap: role(Tap) },
  optimizer: { in: role(In), slot: role(Slot) },
  metric: { in: role(In), out: role(Out), sum: role(Sum), min: role(Min), max: role(Max) },
  dataset: datasetWords,
  train: { ...trainWords, ...freezeWords },
  variant: { ...datasetWords, ...trainWords },
  stage: {
    ...freezeWords,
    restart: role(Restart),
    loss: role(Loss, "loss"),
    metrics: role(Metrics, "assigns"),
  },
  loss: owned,
};

/** The brackets that hold `a, b = …`. */
export const ASSIGNING: ReadonlySet<FrameKind> = new Set([
  "block",
  "optimizer",
  "metric",
  "loss",
  "assigns",
]);
/** The brackets that hold `key: value`, or `path, path: value`. */
export const KEYED: ReadonlySet<FrameKind> = new Set([
  "dataset",
  "train",
  "variant",
  "stage",
  "entries",
  "rules",
]);
/** The brackets whose `}` ends a declaration and no member. */
export const DECLARING: ReadonlySet<FrameKind> = new Set([
  "block",
  "optimizer",
  "metric",
  "dataset",
  "train",
  "variant",
]);

/** What to say about a word that begins a line of a file and no declaration. */
export const DECLARATION_WORDS: readonly string[] = [
  "import",
  "param",
  "const",
  ...Object.keys(DECLARATIONS),
];
