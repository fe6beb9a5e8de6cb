/** What expressions mean: compile-time values, and tensors of the graph under construction. */

import type { BlockDecl, FnDecl, GPath, OptimizerDecl, ScheduleDecl } from "../../grammar/ast.js";
import type { Span } from "../../grammar/source.js";
import { type Dim, printDim } from "../ir/dim.js";
import type { Value as IrValue } from "../ir/graph.js";
import { printType } from "../ir/type.js";
import type { Definition, ModuleScope } from "../modules.js";
import type { Op } from "../ops/define.js";
import type { BuiltinName } from "./builtin-names.js";
import type { ScalarExpr } from "../plan/scalar.js";

export type Meaning =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "dim"; readonly dim: Exclude<Dim, number> }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "string"; readonly value: string }
  /** A choice such as `same` or `drop`. */
  | { readonly kind: "word"; readonly text: string }
  | { readonly kind: "none" }
  | { readonly kind: "quantity"; readonly value: number; readonly unit: string }
  | { readonly kind: "list"; readonly items: readonly Meaning[] }
  | { readonly kind: "range"; readonly from: Meaning; readonly to: Meaning | null }
  | { readonly kind: "init"; readonly recipe: InitRecipe }
  /** `axes`: what each axis is called, `null` for one without a name; absent when none has one. */
  | { readonly kind: "tensor"; readonly value: IrValue; readonly axes?: AxisNames }
  /** Several tensors: the outputs of a call, or `(q, kv, mask: m)`. */
  | {
      readonly kind: "tuple";
      readonly items: readonly TupleItem[];
      /** Of a dataset's fit: how its results lie on a record. */
      readonly range?: FittedRange;
    }
  | { readonly kind: "loss"; readonly loss: Loss }
  | { readonly kind: "recipe"; readonly recipe: Recipe }
  | { readonly kind: "fn"; readonly declaration: FnDecl; readonly module: ModuleScope }
  | { readonly kind: "op"; readonly op: Op }
  | { readonly kind: "builtin"; readonly name: BuiltinName }
  | { readonly kind: "rule"; readonly declaration: OptimizerDecl; readonly module: ModuleScope }
  | { readonly kind: "timeline"; readonly declaration: ScheduleDecl; readonly module: ModuleScope }
  /** A scalar over time: one or more schedule segments. */
  | { readonly kind: "schedule"; readonly segments: readonly ScheduleSegment[] }
  | { readonly kind: "scalar"; readonly expr: ScalarExpr }
  /** Paths of weights, of a `weights[]`. */
  | { readonly kind: "weights"; readonly globs: readonly GPath[] }
  | { readonly kind: "definition"; readonly definition: Definition }
  | { readonly kind: "module"; readonly module: ModuleScope }
  /** Already reported, or undecidable in a generic block: silences what follows. */
  | { readonly kind: "unknown" };

/** One entry per axis. */
export type AxisNames = readonly (string | null)[];

/** What `unscale` needs to know of a fit. */
export interface FittedRange {
  readonly kind: "minmax" | "standard";
  /** The shape in which a result broadcasts against a record; `null` where transforms lost it. */
  readonly layout: readonly Dim[] | null;
  /** The limits of `rescale`, `null` where it needs none; `undefined` where nothing is rescaled. */
  readonly to: readonly [number, number] | null | undefined;
}

export interface TupleItem {
  readonly name: string | null;
  readonly value: Meaning;
}

/** A block with its settings; each application makes new weights unless it has an identity. */
export interface Recipe {
  readonly declaration: BlockDecl;
  readonly module: ModuleScope;
  readonly settings: ReadonlyMap<string, Meaning>;
  /** Set when the block is bound to a name: all its applications share the weights at this path. */
  readonly shared: string | null;
}

/** Initializers before the fan of a weight is known. */
export type InitRecipe =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "uniform"; readonly bound: number }
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "truncated_normal"; readonly std: number }
  | {
      readonly kind: "kaiming_uniform" | "kaiming_normal";
      readonly a: number;
      readonly mode: "fan_in" | "fan_out";
      /** In place of the weight's own. */
      readonly fan: number | null;
    }
  | { readonly kind: "xavier_uniform" | "xavier_normal"; readonly gain: number }
  | { readonly kind: "orthogonal"; readonly gain: number };

/** constant + sum of coefficient * (sum / weight). */
export interface Loss {
  readonly constant: number;
  readonly terms: readonly { readonly coefficient: number; readonly atom: LossAtom }[];
}

export interface LossAtom {
  readonly sum: IrValue;
  readonly weight: IrValue;
  /** The sum is divided by no less than this. */
  readonly atLeast?: number;
  readonly span: Span;
}

export interface ScheduleSegment {
  /** `null` takes the rest. */
  readonly over: { readonly value: number; readonly unit: string } | null;
  readonly expr: ScalarExpr;
  readonly span: Span;
}

export const unknown: Meaning = { kind: "unknown" };
export const none: Meaning = { kind: "none" };
export const intOf = (value: number): Meaning => ({ kind: "int", value });
export const floatOf = (value: number): Meaning => ({ kind: "float", value });
export const boolOf = (value: boolean): Meaning => ({ kind: "bool", value });
export const tensorOf = (value: IrValue, axes?: AxisNames): Meaning =>
  axes === undefined ? { kind: "tensor", value } : { kind: "tensor", value, axes };

export const dimMeaning = (dim: Dim): Meaning =>
  typeof dim === "number" ? intOf(dim) : { kind: "dim", dim };

/** A compile-time integer or dim as a dim. */
export const asDim = (meaning: Meaning): Dim | null =>
  meaning.kind === "int" ? meaning.value : meaning.kind === "dim" ? meaning.dim : null;

/** A compile-time integer or float as a number. */
export const asNumber = (meaning: Meaning): number | null =>
  meaning.kind === "int" || meaning.kind === "float" ? meaning.value : null;

/** How a value is named in messages: tensors by their type, constants by their text. */
export function describe(meaning: Meaning): string {
  switch (meaning.kind) {
    case "int":
      return `the integer ${meaning.value}`;
    case "float":
      return `the float ${meaning.value}`;
    case "dim":
      return `the dim ${printDim(meaning.dim)}`;
    case "bool":
      return String(meaning.value);
    case "string":
      return JSON.stringify(meaning.value);
    case "word":
      return `\`${meaning.text}\``;
    case "none":
      return "`none`";
    case "quantity":
      return printQuantity(meaning.value, meaning.unit);
    case "list":
      return meaning.items.length <= 8 && meaning.items.every(isPlain)
        ? `[${meaning.items.map((item) => describe(item).replace(/^the \w+ /, "")).join(", ")}]`
        : `a list of ${meaning.items.length}`;
    case "range":
      return "a range";
    case "init":
      return `the initializer \`${meaning.recipe.kind}\``;
    case "tensor":
      return printType(meaning.value.type);
    case "tuple":
      return meaning.items.every(({ name }) => name !== null)
        ? `a record of ${meaning.items.map(({ name }) => `\`${name ?? ""}\``).join(", ")}`
        : `${meaning.items.length} values`;
    case "loss":
      return "a loss";
    case "recipe":
      return `the block \`${meaning.recipe.declaration.name.text}\``;
    case "fn":
    case "rule":
    case "timeline":
      return `the ${meaning.kind === "fn" ? "function" : meaning.kind === "rule" ? "optimizer" : "schedule"} \`${meaning.declaration.name.text}\``;
    case "op":
      return `the op \`${meaning.op.name}\``;
    case "builtin":
      return `the function \`${meaning.name}\``;
    case "weights":
      return "paths of weights";
    case "schedule":
      return "a schedule";
    case "scalar":
      return "a value over time";
    case "definition":
      return `the ${meaning.definition.declaration.kind} \`${meaning.definition.declaration.name.text}\``;
    case "module":
      return `the module \`${meaning.module.name}\``;
    case "unknown":
      return "an unknown value";
  }
}

const isPlain = ({ kind }: Meaning): boolean =>
  kind === "int" || kind === "float" || kind === "dim" || kind === "word" || kind === "string";

export const printQuantity = (value: number, unit: string): string =>
  unit === "%" ? `${value}%` : `${value} ${unit}${value === 1 || unit.endsWith("B") ? "" : "s"}`;
