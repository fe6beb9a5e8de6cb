/** The part of the syntax tree below declarations: types, paths of weights, expressions and steps. */

import type { Span } from "./source.js";

export interface Name {
  readonly text: string;
  readonly span: Span;
}

/** What may carry `///` lines. */
export interface Documented {
  /** The `///` lines above, markers and one space removed; `null` when there are none. */
  readonly doc: string | null;
  readonly span: Span;
}

/** `const N = expr`: a value of compile time. */
export interface ConstDecl extends Documented {
  readonly kind: "const";
  readonly name: Name;
  readonly value: Expr;
}

/** `let a, b = expr`; a name may be `_`. */
export interface LetMember {
  readonly kind: "let";
  readonly names: readonly Name[];
  readonly value: Expr;
  readonly span: Span;
}

// Types and paths ------------------------------------------------------------------------------

export type TypeNode = TensorTypeNode | SettingTypeNode | ListTypeNode;

/** `[f32[B, C, h, w]]`, `[int]`, or with a length `[f32[B, C], 3]`. */
export interface ListTypeNode {
  readonly kind: "list-type";
  readonly item: TypeNode;
  readonly length: Expr | null;
  readonly span: Span;
}

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

/** `model.cnn.**`, `model.layers[0 .. 4].*`, `model.blocks.{i}.**`. */
export interface GPath {
  readonly segments: readonly GPathSegment[];
  readonly span: Span;
}

export interface GPathSegment {
  /** `*`, `**`, `bn*`, a plain segment, or the fixed part before `{expr}` (it may be empty). */
  readonly text: string;
  /** The expression of `{i}` or `layer{i}`; a name that nothing binds is bound by the match. */
  readonly computed: Expr | null;
  /** `[0 .. 4]`, `[g in 1 .. 3]`. */
  readonly range: RangeExpr | null;
  /** `g` of `[g in 1 .. 3]`. */
  readonly binder: Name | null;
  /** `[0]` or `[e]`: one index. */
  readonly index: Expr | null;
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
  | ComputedMemberExpr
  | CallExpr
  | IndexExpr
  | UnaryExpr
  | BinaryExpr
  | RangeExpr
  | IfExpr
  | ListExpr
  | SpreadExpr
  | ComprehensionExpr
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

/**
 * `out.x`, `Cars.classes`; after a point a number is digits: `blocks.0`. In a glob the member's
 * text is `*`, `**` or ends in `*`: `sum(model.**.balance)`.
 */
export interface MemberExpr {
  readonly kind: "member";
  readonly object: Expr;
  readonly member: Name;
  readonly span: Span;
}

/** `model.blocks.{i}`, `model.layer{i}`: a path with a computed segment. */
export interface ComputedMemberExpr {
  readonly kind: "computed-member";
  readonly object: Expr;
  /** The fixed part before the brace; it may be empty. */
  readonly text: string;
  readonly computed: Expr;
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

/** `...xs` among the items of a list. */
export interface SpreadExpr {
  readonly kind: "spread";
  readonly value: Expr;
  readonly span: Span;
}

/** `[for i in 0 .. n if i > 1: f(i)]`; the range may be a list. */
export interface ComprehensionExpr {
  readonly kind: "comprehension";
  readonly name: Name;
  readonly range: Expr;
  readonly condition: Expr | null;
  readonly value: Expr;
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

export type Step = ApplyStep | RepeatStep | EachStep | ScanStep | EinopsStep;

/** `Conv2d(64, kernel: 3) as conv1`; `args` is `null` when the parentheses are missing. */
export interface ApplyStep {
  readonly kind: "apply";
  readonly callee: Expr;
  readonly args: readonly Argument[] | null;
  /** `unused` before the step: it keeps parameters that no loss reaches. */
  readonly unused: boolean;
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

/** `each E Block(…) as experts`: one set of weights per index of the axis. */
export interface EachStep {
  readonly kind: "each";
  readonly axis: Name;
  readonly body: ApplyStep;
  readonly as: TPath | null;
  readonly span: Span;
}

/** `scan T Cell(…)` over an axis, or `scan (t in list, axis: T) Cell(…)` in the order of a list. */
export interface ScanStep {
  readonly kind: "scan";
  readonly over: Name | null;
  readonly binder: {
    readonly name: Name;
    readonly list: Expr;
    readonly axis: Name | null;
  } | null;
  readonly body: ApplyStep;
  readonly as: TPath | null;
  readonly span: Span;
}

/** `rearrange(B (h d) -> B h d, h: 8)`, `einsum(E K M, M D -> E K D)`. */
export interface EinopsStep {
  readonly kind: "rearrange" | "einsum";
  readonly inputs: readonly Axes[];
  readonly output: Axes;
  readonly sizes: readonly Argument[];
  readonly as: TPath | null;
  readonly span: Span;
}

/** `B (T N) 1`: axes in order. */
export interface Axes {
  readonly items: readonly AxisItem[];
  readonly span: Span;
}

/** `...` is an axis whose name is `...`. */
export type AxisItem =
  | { readonly kind: "axis"; readonly name: Name; readonly span: Span }
  | { readonly kind: "size"; readonly value: number; readonly span: Span }
  | { readonly kind: "axes"; readonly items: readonly AxisItem[]; readonly span: Span };

/** Text the parser could not read; it has been reported and silences what follows from it. */
export interface BrokenExpr {
  readonly kind: "broken";
  readonly span: Span;
}
