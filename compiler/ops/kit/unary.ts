/** A factory for ops of one input that work element by element. */

import type { GraphBuilder } from "../../ir/builder.js";
import type { Value } from "../../ir/graph.js";
import { type DType, type DTypeClass, numelOf, tensorType } from "../../ir/type.js";
import { type Op, type Sample, defineOp } from "../define.js";
import { mapElements } from "./ndarray.js";
import type { OnnxBuilder } from "./onnx-builder.js";
import { elementwise } from "./sharding.js";

export interface UnaryDef {
  readonly name: string;
  readonly summary: string;
  readonly reason: string;
  readonly accepts: DTypeClass;
  /** The output's dtype where it is not the input's. */
  readonly result?: DType;
  /** Per element. */
  readonly flops: number;
  /** The ONNX kernel, or nodes written by hand. */
  readonly onnx: string | ((o: OnnxBuilder, x: string, dtype: DType) => string);
  readonly apply: (x: number) => number;
  readonly vjp:
    | ((b: GraphBuilder, scope: { x: Value; y: Value; dy: Value }) => Value | null)
    | null;
  readonly samples: readonly Sample<"x", Record<never, never>>[];
}

/** An op of one input `x`, with the shape rule, sharding and reference that all such ops share. */
export const unary = (def: UnaryDef): Op =>
  defineOp({
    name: def.name,
    summary: def.summary,
    reason: def.reason,
    surface: "public",
    inputs: { x: def.accepts },
    attrs: {},
    traits: ["elementwise"],
    infer: ({ x }) => tensorType(def.result ?? x.dtype, x.shape),
    sharding: ({ x }) => elementwise([x], x),
    vjp: def.vjp === null ? null : (b, scope) => ({ x: def.vjp?.(b, scope) ?? null }),
    flops: ({ x }) => def.flops * numelOf(x),
    formulations: [
      {
        name: "kernel",
        onnx: (o, { x }) =>
          typeof def.onnx === "string"
            ? o.node(def.onnx, [x.name])
            : def.onnx(o, x.name, x.type.dtype),
      },
    ],
    reference: ({ x }) => mapElements(x, def.apply, def.result ?? x.dtype),
    samples: def.samples,
  });
