/**
 * The abstract syntax tree: immutable plain data, a discriminated union on `kind`.
 * It holds no meaning: names are unresolved, types unchecked, and every node carries its span.
 */

import type { SourceFile, Span } from "./source.js";

export interface Module {
  readonly kind: "module";
  readonly source: SourceFile;
  readonly declarations: readonly Declaration[];
  readonly span: Span;
}

export interface Name {
  readonly text: string;
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
  | ExpectDecl;

interface Documented {
  /** The `///` lines above, markers and one space removed; `null` when there are none. */
  readonly doc: string | null;
  readonly span: Span;
}

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

export interface ConstDecl extends Documented {
  readonly kind: "const";
  readonly name: Name;
  readonly value: Expr;
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

// Block members --------------------------------------------------------------------------------

export type BlockMember = Port | Owned | LetMember | ConstDecl | AssignMember | UpdateMember;

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

/** `weight w: f32[out, C] = init as path if guard`, or `state …`. */
export interface Owned {
  readonly kind: "owned";
  readonly role: "weight" | "state";
  readonly unused: boolean;
  readonly name: Name;
  readonly type: TypeNode;
  readonly value: Expr;
  readonly as: TPath | null;
  readonly guard: Expr | null;
  readonly doc: string | null;
  readonly span: Span;
}

/** `let a, b = expr`; a name may be `_`. */
export interface LetMember {
  readonly kind: "let";
  readonly names: readonly Name[];
  readonly value: Expr;
  readonly span: Span;
}

/** `y = expr` or `a, b = expr`: gives the outputs their values. */
export interface AssignMember {
  readonly kind: "assign";
  readonly names: readonly Name[];
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

// Dataset and train members --------------------------------------------------------------------

/** `key: value`; the value is `null` where the text ends after the colon. */
export interface Entry {
  readonly kind: "entry";
  /** Dotted: `["loader", "batch"]`. */
  readonly key: readonly Name[];
  readonly value: Expr | null;
  readonly span: Span;
}

export type DatasetMember = Entry | FieldMember | SplitMember | TransformMember | LoaderMember;

/** `field image: image() -> u8[3, H, W]`. */
export interface FieldMember {
  readonly kind: "field";
  readonly name: Name;
  readonly reader: Expr;
  readonly type: TypeNode;
  readonly doc: string | null;
  readonly span: Span;
}

/** `split by event { train: 70% … }` or `split random { … }` (then `by` is `null`). */
export interface SplitMember {
  readonly kind: "split";
  readonly by: Name | null;
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

export type TrainMember = Entry | LossMember | MetricsMember | StageMember | ObjectiveMember;

export interface LossMember {
  readonly kind: "loss";
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
  readonly members: readonly (FreezeMember | Entry)[];
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

// Types and paths ------------------------------------------------------------------------------

export type TypeNode = TensorTypeNode | SettingTypeNode;

/** `f32[B, T = 3, ..., C]`. `f32[]` is a scalar tensor. */
export interface TensorTypeNode {
  readonly kind: "tensor-type";
  readonly dtype: Name;
  readonly dims: readonly DimNode[];
  readonly span: Span;
}

export interface DimNode {
  readonly kind: "ellipsis" | "dim" | "unknown";
  /** The axis name of `T = 3`. */
  readonly axis: Name | null;
  /** `null` for `...` and `_`. */
  readonly size: Expr | null;
  readonly span: Span;
}

/** `int`, `float[2]`, `int | same`, `dim | none`. */
export interface SettingTypeNode {
  readonly kind: "setting-type";
  readonly alternatives: readonly { readonly name: Name; readonly length: Expr | null }[];
  readonly span: Span;
}

/** `as conv1`, `as downsample.0`, `as weight_hh_{suffix}`; `_` alone adds no segment. */
export interface TPath {
  readonly segments: readonly TPathSegment[];
  readonly span: Span;
}

export interface TPathSegment {
  /** The fixed part; empty for a bare `{expr}`. */
  readonly text: string;
  readonly computed: Expr | null;
  readonly span: Span;
}

/** `model.cnn.**`, `model.layers[0 .. 4].*`. */
export interface GPath {
  readonly segments: readonly GPathSegment[];
  readonly span: Span;
}

export interface GPathSegment {
  /** `*`, `**`, `bn*`, or a plain segment. */
  readonly text: string;
  readonly range: RangeExpr | null;
  readonly span: Span;
}

// Expressions ----------------------------------------------------------------------------------

export type Expr =
  | NumberExpr
  | QuantityExpr
  | StringExpr
  | BoolExpr
  | NameExpr
  | MemberExpr
  | CallExpr
  | IndexExpr
  | UnaryExpr
  | BinaryExpr
  | RangeExpr
  | IfExpr
  | ListExpr
  | TupleExpr
  | PipeExpr
  | BrokenExpr;

export interface NumberExpr {
  readonly kind: "number";
  readonly value: number;
  /** Written without a point and exponent. */
  readonly integer: boolean;
  readonly span: Span;
}

/** One token: `5 epochs`, `70%`, `200 GiB`. The unit is singular (`epoch`) except `%`. */
export interface QuantityExpr {
  readonly kind: "quantity";
  readonly value: number;
  readonly unit: string;
  readonly span: Span;
}

export interface StringExpr {
  readonly kind: "string";
  readonly value: string;
  readonly span: Span;
}

export interface BoolExpr {
  readonly kind: "bool";
  readonly value: boolean;
  readonly span: Span;
}

export interface NameExpr {
  readonly kind: "name";
  readonly name: string;
  readonly span: Span;
}

/** `out.x`, `Cars.classes`; after a point a number is digits: `blocks.0`. */
export interface MemberExpr {
  readonly kind: "member";
  readonly object: Expr;
  readonly member: Name;
  readonly span: Span;
}

export interface Argument {
  readonly name: Name | null;
  readonly value: Expr;
  readonly span: Span;
}

export interface CallExpr {
  readonly kind: "call";
  readonly callee: Expr;
  readonly args: readonly Argument[];
  readonly span: Span;
}

export interface IndexExpr {
  readonly kind: "index";
  readonly object: Expr;
  readonly index: Expr;
  readonly span: Span;
}

export interface UnaryExpr {
  readonly kind: "unary";
  readonly operator: "-" | "not";
  readonly operand: Expr;
  readonly span: Span;
}

export type BinaryOperator =
  | "+"
  | "-"
  | "*"
  | "/"
  | "=="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "and"
  | "or"
  | "in"
  | "then";

export interface BinaryExpr {
  readonly kind: "binary";
  readonly operator: BinaryOperator;
  readonly left: Expr;
  readonly right: Expr;
  readonly operatorSpan: Span;
  readonly span: Span;
}

export interface RangeExpr {
  readonly kind: "range";
  readonly from: Expr;
  /** `null` for an open end: `1 ..`. */
  readonly to: Expr | null;
  readonly span: Span;
}

export interface IfExpr {
  readonly kind: "if";
  readonly condition: Expr;
  readonly then: Body;
  readonly otherwise: Body;
  readonly span: Span;
}

/** `{ let a = …  value }`; an `else if` is a body whose value is the next `if`. */
export interface Body {
  readonly lets: readonly (LetMember | ConstDecl)[];
  readonly value: Expr;
  readonly span: Span;
}

export interface ListExpr {
  readonly kind: "list";
  readonly items: readonly Expr[];
  readonly span: Span;
}

/** `(q, kv, mask: m)`: two or more values, or one that is named. */
export interface TupleExpr {
  readonly kind: "tuple";
  readonly items: readonly Argument[];
  readonly span: Span;
}

export interface PipeExpr {
  readonly kind: "pipe";
  readonly input: Expr;
  readonly step: Step;
  readonly span: Span;
}

export type Step = ApplyStep | RepeatStep;

/** `Conv2d(64, kernel: 3) as conv1`; `args` is `null` when the parentheses are missing. */
export interface ApplyStep {
  readonly kind: "apply";
  readonly callee: Expr;
  readonly args: readonly Argument[] | null;
  readonly as: TPath | null;
  readonly span: Span;
}

/** `repeat n Block(…) as layers` or `repeat (i in a .. b) Block(…) as layers`. */
export interface RepeatStep {
  readonly kind: "repeat";
  readonly count: Expr | null;
  readonly binder: { readonly name: Name; readonly range: RangeExpr } | null;
  readonly body: ApplyStep;
  readonly as: TPath | null;
  readonly span: Span;
}

/** Text the parser could not read; it has been reported and silences what follows from it. */
export interface BrokenExpr {
  readonly kind: "broken";
  readonly span: Span;
}
