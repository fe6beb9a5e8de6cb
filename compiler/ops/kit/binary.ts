/** A factory for ops of two inputs that work element by element after broadcasting. */

import { reject } from "../../../grammar/diagnostic.js";
import { notBroadcastable } from "../../../grammar/diagnostics/shape.js";
import { invariant } from "../../../grammar/invariant.js";
import type { GraphBuilder } from "../../ir/builder.js";
import type { Value } from "../../ir/graph.js";
import {
  type DType,
  type DTypeClass,
  type TensorType,
  isInteger,
  numelOf,
  printType,
  tensorType,
} from "../../ir/type.js";
import { type Op, type Sample, type Trait, defineOp } from "../define.js";
import { broadcastShapes } from "./broadcast.js";
import { zip } from "./ndarray.js";
import type { OnnxBuilder } from "./onnx-builder.js";
import { elementwise } from "./sharding.js";

export interface BinaryDef {
  readonly name: string;
  readonly summary: string;
  readonly reason: string;
  readonly accepts: DTypeClass;
  readonly result?: DType;
  readonly commutative?: true;
  /** The ONNX kernel, or nodes written by hand. */
  readonly onnx: string | ((o: OnnxBuilder, a: string, b: string) => string);
  readonly apply: (a: number, b: number, numbers: { readonly integer: boolean }) => number;
  /** Cotangents of the broadcast inputs: summing down to the inputs' shapes is done here. */
  readonly vjp:
    | ((
        build: GraphBuilder,
        scope: { a: Value; b: Value; y: Value; dy: Value },
      ) => { readonly a: Value | null; readonly b: Value | null })
    | null;
  readonly samples: readonly Sample<"a" | "b", Record<never, never>>[];
}

/** An op of the inputs `a` and `b`, with the shape rule, sharding and reference all such ops share. */
export function binary(def: BinaryDef): Op {
  const { vjp } = def;
  const traits: readonly Trait[] = [
    "elementwise",
    ...(def.commutative ? ["commutative" as const] : []),
  ];
  return defineOp({
    name: def.name,
    summary: def.summary,
    reason: def.reason,
    surface: "public",
    inputs: { a: def.accepts, b: def.accepts },
    attrs: {},
    traits,
    infer({ a, b }) {
      const shape = broadcastShapes(a.shape, b.shape);
      if (shape === null)
        return reject(notBroadcastable, { left: printType(a), right: printType(b) }, "b");
      return tensorType(def.result ?? a.dtype, shape);
    },
    sharding: ({ a, b }) => elementwise([a, b], broadcastType(a, b)),
    vjp:
      vjp === null
        ? null
        : (build, scope) => {
            const { a, b } = vjp(build, scope);
            return {
              a: a && build.sumTo(a, scope.a.type.shape),
              b: b && build.sumTo(b, scope.b.type.shape),
            };
          },
    flops: ({ a, b }) => numelOf(broadcastType(a, b)),
    formulations: [
      {
        name: "kernel",
        onnx: (o, { a, b }) =>
          typeof def.onnx === "string"
            ? o.node(def.onnx, [a.name, b.name])
            : def.onnx(o, a.name, b.name),
      },
    ],
    reference({ a, b }) {
      const numbers = { integer: isInteger(a.dtype) };
      return zip(a, b, (left, right) => def.apply(left, right, numbers), def.result ?? a.dtype);
    },
    samples: def.samples,
  });
}

function broadcastType(a: TensorType, b: TensorType): TensorType {
  const shape = broadcastShapes(a.shape, b.shape);
  invariant(shape !== null, "the shape rule has run before");
  return tensorType(a.dtype, shape);
}
