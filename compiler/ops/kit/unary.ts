/** Factories for ops of one input that work element by element. */

import type { GraphBuilder } from "../../ir/builder.js";
import type { Value } from "../../ir/graph.js";
import { type DType, type DTypeClass, numelOf, tensorType } from "../../ir/type.js";
import { type AttrKinds, type Op, type Sample, type Scope, defineOp } from "../define.js";
import { mapElements } from "./ndarray.js";
import type { OnnxBuilder } from "./onnx-builder.js";
import { elementwise } from "./sharding.js";

type NoAttrs = Readonly<Record<never, never>>;
type Settings<A extends AttrKinds> = Scope<never, A, never, never>;

export interface UnaryDef<A extends AttrKinds = NoAttrs> {
  readonly name: string;
  readonly summary: string;
  readonly reason: string;
  readonly accepts: DTypeClass;
  /** The output's dtype where it is not the input's. */
  readonly result?: DType;
  /** Per element. */
  readonly flops: number;
  readonly coarse?: string;
  /** The ONNX kernel, or nodes written by hand. */
  readonly onnx:
    | string
    | ((o: OnnxBuilder, x: string, dtype: DType, settings: Settings<A>) => string);
  readonly apply: (x: number, settings: Settings<A>) => number;
  readonly vjp:
    | ((
        b: GraphBuilder,
        scope: { readonly x: Value; readonly y: Value; readonly dy: Value },
        settings: Settings<A>,
      ) => Value | null)
    | null;
  readonly samples: readonly Sample<"x", A>[];
}

/** An op of one input `x`, with the shape rule, sharding and reference that all such ops share. */
export const unary = (def: UnaryDef): Op => unaryWith({}, def);

/** The same with attributes. */
export const unaryWith = <A extends AttrKinds>(attrs: A, def: UnaryDef<A>): Op =>
  defineOp<"x", A>({
    name: def.name,
    summary: def.summary,
    reason: def.reason,
    surface: "public",
    inputs: { x: def.accepts },
    attrs,
    traits: ["elementwise"],
    infer: ({ x }) => tensorType(def.result ?? x.dtype, x.shape),
    sharding: ({ x }) => elementwise([x], x),
    vjp: def.vjp === null ? null : (b, scope) => ({ x: def.vjp?.(b, scope, scope) ?? null }),
    flops: ({ x }) => def.flops * numelOf(x),
    ...(def.coarse !== undefined && { coarse: def.coarse }),
    formulations: [
      {
        name: "kernel",
        onnx: (o, scope) =>
          typeof def.onnx === "string"
            ? o.node(def.onnx, [scope.x.name])
            : def.onnx(o, scope.x.name, scope.x.type.dtype, scope),
      },
    ],
    reference: (scope) =>
      mapElements(scope.x, (value) => def.apply(value, scope), def.result ?? scope.x.dtype),
    samples: def.samples,
  });
