/** What an op is: everything the compiler knows about it, in one value in one file. */

import type { Rejection } from "../../grammar/diagnostic.js";
import type { Dim } from "../ir/dim.js";
import type { Value } from "../ir/graph.js";
import type { DType, DTypeClass, TensorType } from "../ir/type.js";
import type { GraphBuilder } from "../ir/builder.js";
import type { NdArray } from "./kit/ndarray.js";
import type { OnnxBuilder, OnnxOperand } from "./kit/onnx-builder.js";
import type { ShardingRule } from "./kit/sharding.js";

/** `inputs` and `attrs` are the only places the key types are inferred from, hence `NoInfer`. */
export interface OpDef<I extends string, A extends AttrKinds, V extends I = never> {
  readonly name: string;
  /** One sentence for `saic ops`, hover and the reference. */
  readonly summary: string;
  /** Why it is a primitive: numerical stability, a fused kernel, or nothing simpler makes it. */
  readonly reason: string;
  /** `public` ops may be called from `.pipe`; `internal` ones are made by gradients and passes. */
  readonly surface: "public" | "internal";
  /** In call order. Inputs of one dtype class must share one dtype. */
  readonly inputs: { readonly [K in I]: DTypeClass };
  /** The input that takes any number of values (then it is the only one). */
  readonly variadic?: V;
  readonly attrs: A;
  readonly traits?: readonly Trait[];
  /** The type of each output. */
  readonly infer: (
    scope: Scope<I, A, V, TensorType>,
  ) => TensorType | readonly TensorType[] | Rejection<NoInfer<I> | (keyof NoInfer<A> & string)>;
  readonly sharding: (scope: Scope<I, A, V, TensorType>) => ShardingRule;
  /**
   * The cotangents of the inputs: one entry per input, `null` where no gradient flows.
   * `dys` holds a cotangent per output, `null` where none arrives; `y` and `dy` are the first's.
   * The whole rule is `null` for an op no gradient passes.
   */
  readonly vjp: VjpRule<I, A, V> | null;
  readonly flops: (scope: Scope<I, A, V, TensorType>) => number;
  /**
   * The function of domain `saic` that its nodes call where functions are kept, so that a library
   * may replace it node for node.
   */
  readonly coarse?: string | CoarseNames<Scope<I, A, V, TensorType>>;
  /** What it is in simpler ops; it has no formulations then. */
  readonly body?: (b: GraphBuilder, scope: Scope<I, A, V, Value>) => Value | readonly Value[];
  /** Ordered: the first whose `when` holds for target and types is emitted; the last has none. */
  readonly formulations: readonly Formulation<I, A, V>[];
  /** Plain loops in f64: what every formulation is held against. */
  readonly reference: (scope: Scope<I, A, V, NdArray>) => NdArray | readonly NdArray[];
  readonly samples: readonly Sample<NoInfer<I>, NoInfer<A>, NoInfer<V>>[];
}

/** An op whose nodes call different functions, by their types and attributes. */
export interface CoarseNames<S> {
  readonly names: readonly string[];
  readonly of: (scope: S) => string;
}

/** One way to write an op in standard ONNX (domain ai.onnx). */
export interface Formulation<I extends string, A extends AttrKinds, V extends I = never> {
  readonly name: string;
  readonly when?: (scope: Scope<I, A, V, TensorType>, target: Target) => boolean;
  /** Adds nodes and returns the names of the outputs, in order. */
  readonly onnx: (o: OnnxBuilder, scope: Scope<I, A, V, OnnxOperand>) => string | readonly string[];
}

/** What graphs are emitted for. */
export interface Target {
  readonly device: "cpu" | "cuda" | "webgpu";
  readonly opset: number;
  /** `infer` keeps the batch symbolic and trains nothing. */
  readonly purpose: "train" | "infer";
}

type VjpRule<I extends string, A extends AttrKinds, V extends I> = (
  b: GraphBuilder,
  scope: Scope<I, A, V, Value> & {
    readonly y: Value;
    readonly dy: Value;
    readonly ys: readonly Value[];
    readonly dys: readonly (Value | null)[];
  },
) => {
  readonly [K in NoInfer<I>]: K extends V ? readonly (Value | null)[] : Value | null;
};

export type Trait =
  /** `f(a, b) = f(b, a)`. */
  | "commutative"
  /** Works element by element after broadcasting. */
  | "elementwise"
  /** Changes no values, only their arrangement: costs no floating-point operations. */
  | "layout"
  /** Takes truths too, as 0 and 1 in f32: a sum of them is a count, a mean a share. */
  | "counts";

export type AttrKindName =
  | "axis"
  | "axes"
  | "int"
  | "dim"
  | "ints"
  | "float"
  | "floats"
  | "bool"
  | "shape"
  | "dtype"
  | "choice";

export interface AttrKind<T> {
  readonly kind: AttrKindName;
  /** `undefined` when the attribute must be given. */
  readonly fallback: T | undefined;
  /** For `ints`: the length, where one integer stands for all. */
  readonly length?: number;
  /** For `choice`: the words. */
  readonly choices?: readonly string[];
}
export type AttrKinds = Readonly<Record<string, AttrKind<unknown>>>;
type AttrValues<A extends AttrKinds> = {
  readonly [K in keyof A]: A[K] extends AttrKind<infer T> ? T : never;
};

/** Inputs and attributes share one flat namespace, so a rule reads like its formula. */
export type Scope<I extends string, A extends AttrKinds, V extends I, T> = {
  readonly [K in I]: K extends V ? readonly T[] : T;
} & AttrValues<A>;

export type Nested = number | readonly Nested[];
/** Nested lists of numbers per input (`dtype` from the input's class: float f32, int i64, any f32). */
export type Sample<I extends string, A extends AttrKinds, V extends I = never> = {
  readonly [K in I]: K extends V ? readonly Nested[] : Nested;
} & Partial<AttrValues<A>> & { readonly why: string };

/** The kinds of attributes, with their defaults; values are checked once, before any rule runs. */
export const attr = {
  /** Range-checked against the first input's rank and made non-negative. */
  axis: (fallback?: number): AttrKind<number> => ({ kind: "axis", fallback }),
  /** Sorted, distinct and non-negative. The fallback `[]` stands for all axes. */
  axes: (fallback?: readonly number[]): AttrKind<readonly number[]> => ({ kind: "axes", fallback }),
  int: (fallback?: number): AttrKind<number> => ({ kind: "int", fallback }),
  /** A size that may be a symbol until the graph is bound. */
  dim: (): AttrKind<Dim> => ({ kind: "dim", fallback: undefined }),
  /** One integer fills all `length` places. */
  ints: (length: number, fallback?: readonly number[]): AttrKind<readonly number[]> => ({
    kind: "ints",
    fallback,
    length,
  }),
  /** A list of integers of any length, in the order given. */
  intList: (fallback?: readonly number[]): AttrKind<readonly number[]> => ({
    kind: "ints",
    fallback,
  }),
  float: (fallback?: number): AttrKind<number> => ({ kind: "float", fallback }),
  floats: (fallback?: readonly number[]): AttrKind<readonly number[]> => ({
    kind: "floats",
    fallback,
  }),
  bool: (fallback?: boolean): AttrKind<boolean> => ({ kind: "bool", fallback }),
  /** Always the shape of the first output: sharding rewrites it with that output. */
  shape: (): AttrKind<readonly Dim[]> => ({ kind: "shape", fallback: undefined }),
  dtype: (fallback?: DType): AttrKind<DType> => ({ kind: "dtype", fallback }),
  choice: <const C extends string>(choices: readonly C[], fallback?: C): AttrKind<C> => ({
    kind: "choice",
    fallback,
    choices,
  }),
} as const;

type Erased = Readonly<Record<string, unknown>>;

/** An op with its key types erased: what the registry, the checker and the passes hold. */
export interface Op {
  readonly name: string;
  readonly summary: string;
  readonly reason: string;
  readonly surface: "public" | "internal";
  readonly inputs: Readonly<Record<string, DTypeClass>>;
  readonly variadic?: string;
  readonly attrs: AttrKinds;
  readonly traits?: readonly Trait[];
  readonly infer: (scope: Erased) => TensorType | readonly TensorType[] | Rejection;
  readonly sharding: (scope: Erased) => ShardingRule;
  readonly vjp:
    | ((
        b: GraphBuilder,
        scope: Erased,
      ) => Readonly<Record<string, Value | null | readonly (Value | null)[]>>)
    | null;
  readonly flops: (scope: Erased) => number;
  readonly coarse?: string | CoarseNames<Erased>;
  readonly body?: (b: GraphBuilder, scope: Erased) => Value | readonly Value[];
  readonly formulations: readonly {
    readonly name: string;
    readonly when?: (scope: Erased, target: Target) => boolean;
    readonly onnx: (o: OnnxBuilder, scope: Erased) => string | readonly string[];
  }[];
  readonly reference: (scope: Erased) => NdArray | readonly NdArray[];
  readonly samples: readonly Erased[];
}

/** The one place where an op's key types are erased. */
export function defineOp<const I extends string, A extends AttrKinds, V extends I = never>(
  def: OpDef<I, A, V>,
): Op {
  return def as unknown as Op;
}
