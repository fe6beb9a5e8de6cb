/**
 * The abstract syntax tree: immutable plain data, a discriminated union on `kind`.
 * It holds no meaning: names are unresolved, types unchecked, and every node carries its span.
 */

import type {
  Argument,
  Body,
  ConstDecl,
  Documented,
  Expr,
  GPath,
  LetMember,
  Name,
  RangeExpr,
  StringExpr,
  TPath,
  TypeNode,
} from "./ast-expressions.js";
import type { SourceFile, Span } from "./source.js";

export type {
  ApplyStep,
  Argument,
  Axes,
  AxisItem,
  BinaryExpr,
  BinaryOperator,
  Body,
  BoolExpr,
  BrokenExpr,
  CallExpr,
  ComprehensionExpr,
  ComputedMemberExpr,
  ConstDecl,
  DimNode,
  EachStep,
  EinopsStep,
  Expr,
  GPath,
  GPathSegment,
  IfExpr,
  IndexExpr,
  LetMember,
  ListExpr,
  ListTypeNode,
  MemberExpr,
  Name,
  NameExpr,
  NumberExpr,
  PipeExpr,
  QuantityExpr,
  RangeExpr,
  RepeatStep,
  ScanStep,
  SettingTypeNode,
  SpreadExpr,
  Step,
  StringExpr,
  TensorTypeNode,
  TPath,
  TPathSegment,
  TupleExpr,
  TypeNode,
  UnaryExpr,
} from "./ast-expressions.js";

export interface Module {
  readonly kind: "module";
  readonly source: SourceFile;
  readonly declarations: readonly Declaration[];
  readonly span: Span;
}

// Declarations ---------------------------------------------------------------------------------

export type Declaration =
  | ImportDecl
  | ParamDecl
  | ConstDecl
  | FnDecl
  | BlockDecl
  | OptimizerDecl
  | ScheduleDecl
  | DatasetDecl
  | TrainDecl
  | MetricDecl
  | MeshDecl
  | ShardDecl
  | VariantDecl
  | SweepDecl
  | ExportDecl
  | ExpectDecl;

/** `import { a, b } from "module"` (names) or `import "module" as alias` (alias). */
export interface ImportDecl extends Documented {
  readonly kind: "import";
  readonly names: readonly Name[] | null;
  readonly alias: Name | null;
  readonly from: StringExpr;
}

/** `param name: type = value in low .. high`; the range includes both bounds. */
export interface ParamDecl extends Documented {
  readonly kind: "param";
  readonly name: Name;
  readonly type: TypeNode;
  readonly value: Expr | null;
  readonly range: Expr | null;
}

/** A formal without a type is a tensor, with one a setting. */
export interface Formal {
  readonly name: Name;
  readonly type: TypeNode | null;
  readonly value: Expr | null;
  readonly span: Span;
}

/** `fn f(x, k: int = 1) = expr` or with a `{ let … value }` body. */
export interface FnDecl extends Documented {
  readonly kind: "fn";
  readonly name: Name;
  readonly formals: readonly Formal[];
  readonly body: Body;
}

export interface BlockDecl extends Documented {
  readonly kind: "block";
  readonly name: Name;
  readonly formals: readonly Formal[];
  readonly members: readonly BlockMember[];
}

/** `optimizer name(settings) { in p, g  slot … let … update }`. */
export interface OptimizerDecl extends Documented {
  readonly kind: "optimizer";
  readonly name: Name;
  readonly formals: readonly Formal[];
  /** The names bound to the parameter and its gradient. */
  readonly parameter: Name;
  readonly gradient: Name;
  readonly members: readonly OptimizerMember[];
}

/** `schedule cosine(to: float, over: duration = rest) = expr` over `base`, `t`, `n`, `u`. */
export interface ScheduleDecl extends Documented {
  readonly kind: "schedule";
  readonly name: Name;
  readonly formals: readonly Formal[];
  readonly value: Expr;
}

export interface DatasetDecl extends Documented {
  readonly kind: "dataset";
  readonly name: Name;
  readonly members: readonly DatasetMember[];
}

export interface TrainDecl extends Documented {
  readonly kind: "train";
  readonly name: Name;
  readonly members: readonly TrainMember[];
}

export interface ExpectDecl extends Documented {
  readonly kind: "expect";
  readonly condition: Expr;
}

/** `metric f1(threshold: float = 0.5) better max { in … sum tp: f32[] = … value = … }`. */
export interface MetricDecl extends Documented {
  readonly kind: "metric";
  readonly name: Name;
  readonly formals: readonly Formal[];
  readonly better: "max" | "min" | null;
  readonly members: readonly MetricMember[];
}

/** `mesh pod { data: 4, expert: 2 }`: named axes of devices. */
export interface MeshDecl extends Documented {
  readonly kind: "mesh";
  readonly name: Name;
  readonly axes: readonly Entry[];
}

/** `shard pretrain on pod { … }`: how the values of the train called `name` lie on a mesh. */
export interface ShardDecl extends Documented {
  readonly kind: "shard";
  readonly name: Name;
  readonly on: Name;
  readonly rules: readonly PathRule[];
}

/** `model.a.**, model.b: value`; `batch:` is a path of one segment. A value may be missing. */
export interface PathRule {
  readonly globs: readonly GPath[];
  readonly value: Expr | null;
  readonly span: Span;
}

/** `variant "9.6b" of base { model.depth: 4  loss { … } }`: what differs from `of`. */
export interface VariantDecl extends Documented {
  readonly kind: "variant";
  /** The text of a quoted name stands without its quotes. */
  readonly name: Name;
  readonly quoted: boolean;
  readonly of: Name;
  readonly members: readonly VariantMember[];
}

/** Dotted entries change one setting; a whole member replaces the one of its kind and name. */
export type VariantMember = TrainMember | DatasetMember;

/** `sweep search over base { lr: log(1e-5 .. 1e-3)  trials: 24 }`. */
export interface SweepDecl extends Documented {
  readonly kind: "sweep";
  readonly name: Name;
  readonly over: Name;
  readonly entries: readonly Entry[];
}

/** `export smokey as "smokey.onnx" { outputs: [logit] }`: of the train called `name`. */
export interface ExportDecl extends Documented {
  readonly kind: "export";
  readonly name: Name;
  readonly file: StringExpr;
  readonly entries: readonly Entry[];
}

// Block members --------------------------------------------------------------------------------

export type BlockMember =
  | Port
  | Owned
  | LetMember
  | ConstDecl
  | AssignMember
  | UpdateMember
  | TapMember;

/** `in x: f32[B, C]`, `out y: …`, optionally `= value` (or `= none`) and `if guard`. */
export interface Port {
  readonly kind: "port";
  readonly direction: "in" | "out";
  readonly name: Name;
  readonly type: TypeNode;
  readonly value: Expr | null;
  readonly guard: Expr | null;
  readonly doc: string | null;
  readonly span: Span;
}

/** `weight w: f32[out, C] = init as path if guard`, `state …`, or what a `scan` carries. */
export interface Owned {
  readonly kind: "owned";
  readonly role: "weight" | "state" | "carry";
  readonly unused: boolean;
  readonly name: Name;
  readonly type: TypeNode;
  readonly value: Expr;
  readonly as: TPath | null;
  readonly guard: Expr | null;
  readonly doc: string | null;
  readonly span: Span;
}

/** `y = expr` or `a, b = expr`: gives the outputs their values. */
export interface AssignMember {
  readonly kind: "assign";
  readonly names: readonly Name[];
  readonly value: Expr;
  readonly span: Span;
}

/** `tap balance = expr`: a value that losses and metrics may read from any depth. */
export interface TapMember {
  readonly kind: "tap";
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}

/** `mean <- expr`: the state's value after the step. */
export interface UpdateMember {
  readonly kind: "update";
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}

/** `slot m = 0 as exp_avg if guard`; without a type it has the parameter's. */
export interface SlotMember {
  readonly kind: "slot";
  readonly name: Name;
  readonly type: TypeNode | null;
  readonly value: Expr;
  readonly as: TPath | null;
  readonly guard: Expr | null;
  readonly span: Span;
}

export type OptimizerMember = SlotMember | LetMember | UpdateMember;

/** `sum tp: f32[] = expr`: reduced over records, batches and ranks. */
export interface AccumulatorMember {
  readonly kind: "accumulator";
  readonly reduction: "sum" | "min" | "max";
  readonly name: Name;
  readonly type: TypeNode;
  readonly value: Expr;
  readonly span: Span;
}

export type MetricMember = Port | LetMember | ConstDecl | AccumulatorMember | AssignMember;

// Dataset and train members --------------------------------------------------------------------

/** `key: value`; the value is `null` where the text ends after the colon. */
export interface Entry {
  readonly kind: "entry";
  /** Dotted: `["loader", "batch"]`. */
  readonly key: readonly Name[];
  readonly value: Expr | null;
  readonly span: Span;
}

export type DatasetMember =
  | Entry
  | FieldMember
  | FitMember
  | SplitMember
  | TransformMember
  | LoaderMember;

/** `field image: image() -> u8[3, H, W] if guard`. */
export interface FieldMember {
  readonly kind: "field";
  readonly name: Name;
  readonly reader: Expr;
  readonly type: TypeNode;
  readonly guard: Expr | null;
  readonly doc: string | null;
  readonly span: Span;
}

/** `fit range = minmax(x) -> (lo: f32[M], hi: f32[M])`; one unnamed output has no parentheses. */
export interface FitMember {
  readonly kind: "fit";
  readonly name: Name;
  readonly value: Expr;
  readonly outputs: readonly { readonly name: Name | null; readonly type: TypeNode }[];
  readonly doc: string | null;
  readonly span: Span;
}

/**
 * `split by event { train: 70% … }`, `split random { … }` (then `by` is `null`), or
 * `split by column("split") { val: "valid" }` (then `args` are those of `column`).
 */
export interface SplitMember {
  readonly kind: "split";
  readonly by: Name | null;
  readonly args: readonly Argument[] | null;
  readonly entries: readonly Entry[];
  readonly span: Span;
}

/** `transform { … }` for every split, `transform train { … }` for one; applied top to bottom. */
export interface TransformMember {
  readonly kind: "transform";
  readonly split: Name | null;
  readonly assigns: readonly AssignMember[];
  readonly span: Span;
}

export interface LoaderMember {
  readonly kind: "loader";
  readonly entries: readonly Entry[];
  readonly span: Span;
}

export type TrainMember =
  | Entry
  | LossMember
  | MetricsMember
  | StageMember
  | ObjectiveMember
  | GroupMember
  | InitMember
  | PredictMember
  | FreezeMember;

/** `loss { total = … }`, or one of several: `loss calibrate { weight t: f32[] = 0 … }`. */
export interface LossMember {
  readonly kind: "loss";
  readonly name: Name | null;
  readonly members: readonly (Owned | LetMember | ConstDecl | AssignMember | UpdateMember)[];
  readonly span: Span;
}

/** `group (i in 0 .. 12) model.blocks.{i}.** where size(p) < 4096 { lr: 0.1 * lr }`. */
export interface GroupMember {
  readonly kind: "group";
  readonly binder: { readonly name: Name; readonly range: RangeExpr } | null;
  readonly globs: readonly GPath[];
  readonly where: Expr | null;
  readonly entries: readonly Entry[];
  readonly span: Span;
}

/** `init { model.cnn: load(file) }`: starting weights; the first rule that matches decides. */
export interface InitMember {
  readonly kind: "init";
  readonly rules: readonly PathRule[];
  readonly span: Span;
}

/** `predict { p = … }` or `predict mc(samples: 20) { p = … }`. */
export interface PredictMember {
  readonly kind: "predict";
  readonly name: Name | null;
  readonly args: readonly Argument[];
  readonly assigns: readonly AssignMember[];
  readonly span: Span;
}

/** `metrics val { f1 = … }`; without a split the metrics hold for `val` and `test`. */
export interface MetricsMember {
  readonly kind: "metrics";
  readonly split: Name | null;
  readonly assigns: readonly AssignMember[];
  readonly span: Span;
}

/** `stage heads for 2 epochs { freeze model.cnn.** }`. */
export interface StageMember {
  readonly kind: "stage";
  readonly name: Name;
  readonly duration: Expr;
  readonly members: readonly StageLine[];
  readonly span: Span;
}

export type StageLine = FreezeMember | RestartMember | LossMember | MetricsMember | Entry;

/** `restart schedule`. */
export interface RestartMember {
  readonly kind: "restart";
  readonly what: Name;
  readonly span: Span;
}

export interface FreezeMember {
  readonly kind: "freeze" | "unfreeze";
  readonly globs: readonly GPath[];
  readonly span: Span;
}

/** `objective val.auroc >= 0.70`. */
export interface ObjectiveMember {
  readonly kind: "objective";
  readonly condition: Expr;
  readonly span: Span;
}
