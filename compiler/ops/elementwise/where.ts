/** Selection by a mask. */

import { reject } from "../../../grammar/diagnostic.js";
import { notBroadcastable } from "../../../grammar/diagnostics/shape.js";
import { invariant } from "../../../grammar/invariant.js";
import { type TensorType, numelOf, printType, tensorType } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { broadcastShapes } from "../kit/broadcast.js";
import { broadcastTo, zip } from "../kit/ndarray.js";
import { elementwise } from "../kit/sharding.js";

/** Elements of `a` where `cond` is true, of `b` elsewhere, after broadcasting. */
export const where = defineOp({
  name: "where",
  summary: "Elements of `a` where `cond` is true, of `b` elsewhere, after broadcasting.",
  reason: "Arithmetic with a mask would let infinities and NaNs of the other side through.",
  surface: "public",
  inputs: { cond: "bool", a: "any", b: "any" },
  attrs: {},
  traits: ["elementwise"],

  infer({ cond, a, b }) {
    const inner = broadcastShapes(a.shape, b.shape);
    if (inner === null)
      return reject(notBroadcastable, { left: printType(a), right: printType(b) }, "b");
    const shape = broadcastShapes(cond.shape, inner);
    if (shape === null)
      return reject(notBroadcastable, { left: printType(cond), right: printType(a) }, "cond");
    return tensorType(a.dtype, shape);
  },

  sharding: (scope) => elementwise([scope.cond, scope.a, scope.b], resultOf(scope)),

  // da = dy where cond, db = dy elsewhere. Products with the mask: `Where` runs on one thread.
  vjp(build, { cond, a, b, dy }) {
    const mask = build.cast(cond, dy.type.dtype);
    const left = build.mul(dy, mask);
    return {
      cond: null,
      a: build.sumTo(left, a.type.shape),
      b: build.sumTo(build.sub(dy, left), b.type.shape),
    };
  },

  flops: (scope) => numelOf(resultOf(scope)),

  formulations: [
    { name: "kernel", onnx: (o, { cond, a, b }) => o.node("Where", [cond.name, a.name, b.name]) },
  ],

  reference({ cond, a, b }) {
    const pair = zip(a, b, (left) => left);
    const shape = zip(cond, pair, (left) => left).shape;
    const [left, right] = [broadcastTo(a, shape), broadcastTo(b, shape)];
    const mask = broadcastTo(cond, shape);
    const data = mask.data.map((on, i) => (on === 0 ? right : left).data[i] ?? NaN);
    return { dtype: a.dtype, shape, data };
  },

  samples: [
    { why: "equal shapes", cond: [1, 0, 1], a: [1, 2, 3], b: [-1, -2, -3] },
    {
      why: "a scalar on the other side",
      cond: [
        [1, 0],
        [0, 1],
      ],
      a: [
        [1, 2],
        [3, 4],
      ],
      b: 0,
    },
    {
      why: "the mask broadcasts",
      cond: [[1], [0]],
      a: [[1, 2]],
      b: [
        [5, 6],
        [7, 8],
      ],
    },
    {
      why: "the mask is the largest",
      cond: [
        [1, 0],
        [1, 1],
      ],
      a: 2,
      b: [3, 4],
    },
  ],
});

function resultOf(scope: {
  readonly cond: TensorType;
  readonly a: TensorType;
  readonly b: TensorType;
}): TensorType {
  const shape = broadcastShapes(scope.cond.shape, scope.a.shape, scope.b.shape);
  invariant(shape !== null, "the shape rule has run before");
  return tensorType(scope.a.dtype, shape);
}
