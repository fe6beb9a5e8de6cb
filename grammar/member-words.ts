/** Which words begin a declaration or a member, in which bracket, and what the brace after them holds. */

import type { TokenType } from "chevrotain";

import {
  Block,
  Dataset,
  Expect,
  Field,
  Fn,
  Freeze,
  In,
  Loader,
  Loss,
  Metrics,
  Objective,
  Optimizer,
  Out,
  Schedule,
  Slot,
  Split,
  Stage,
  State,
  Train,
  Transform,
  Unfreeze,
  Unused,
  Weight,
} from "./tokens.js";

/** What an open bracket holds. `module` and `expression` are the outermost, which nothing opens. */
export type FrameKind =
  | "module"
  | "expression"
  | "paren"
  | "bracket"
  | "block"
  | "optimizer"
  | "dataset"
  | "train"
  | "stage"
  | "assigns"
  | "entries"
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
  dataset: role(Dataset, "dataset"),
  train: role(Train, "train"),
  expect: role(Expect),
};

/** The words that begin a member, by the bracket they stand in; names elsewhere. */
export const MEMBERS: Readonly<Partial<Record<FrameKind, Words>>> = {
  block: {
    in: role(In),
    out: role(Out),
    weight: role(Weight),
    state: role(State),
    unused: role(Unused),
  },
  optimizer: { in: role(In), slot: role(Slot) },
  dataset: {
    field: role(Field),
    split: role(Split, "entries"),
    transform: role(Transform, "assigns"),
    loader: role(Loader, "entries"),
  },
  train: {
    loss: role(Loss, "assigns"),
    metrics: role(Metrics, "assigns"),
    stage: role(Stage, "stage"),
    objective: role(Objective),
  },
  stage: { freeze: role(Freeze), unfreeze: role(Unfreeze) },
};

/** The brackets that hold `a, b = …`. */
export const ASSIGNING: ReadonlySet<FrameKind> = new Set(["block", "optimizer", "assigns"]);
/** The brackets that hold `key: value`. */
export const KEYED: ReadonlySet<FrameKind> = new Set(["dataset", "train", "stage", "entries"]);

/** Forms of the language that are recognized, reported and skipped. */
export const UNSUPPORTED_DECLARATIONS: readonly string[] = [
  "mesh",
  "shard",
  "variant",
  "sweep",
  "export",
  "metric",
];

/** Likewise for members, by the bracket they stand in. */
export const UNSUPPORTED_MEMBERS: Readonly<Partial<Record<FrameKind, readonly string[]>>> = {
  block: ["carry", "tap"],
  dataset: ["fit"],
  train: ["group", "init", "predict"],
  stage: ["restart"],
  assigns: ["weight", "state", "tap"],
};

/** What to say about a word that begins a line of a file and no declaration. */
export const DECLARATION_WORDS: readonly string[] = [
  "import",
  "param",
  "const",
  ...Object.keys(DECLARATIONS),
  ...UNSUPPORTED_DECLARATIONS,
];
