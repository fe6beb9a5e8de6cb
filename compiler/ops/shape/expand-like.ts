/** Broadcasting to the shape of another tensor. */

import { reject } from "../../../grammar/diagnostic.js";
import { notBroadcastable } from "../../../grammar/diagnostics/shape.js";
import { sameShape } from "../../ir/dim.js";
import { printType, tensorType } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { broadcastShapes } from "../kit/broadcast.js";
import { broadcastTo } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { elementwise } from "../kit/sharding.js";

/** Repeats axes of extent 1, and adds leading ones, until `x` has the shape of `like`, whose values do not matter. */
export const expandLike = defineOp({
  name: "expand_like",
  summary:
    "Repeats axes of extent 1, and adds leading ones, until `x` has the shape of `like`, whose values do not matter.",
  reason: "Unlike `expand` it works where the batch is known only when the graph runs.",
  surface: "public",
  inputs: { x: "float", like: "any" },
  attrs: {},
  traits: ["layout"],

  infer({ x, like }) {
    const common = broadcastShapes(x.shape, like.shape);
    if (common === null || !sameShape(common, like.shape))
      return reject(notBroadcastable, { left: printType(x), right: printType(like) }, "like");
    return tensorType(x.dtype, like.shape);
  },

  sharding: ({ x, like }) => elementwise([x, like], tensorType(x.dtype, like.shape)),
  vjp: (b, { x, dy }) => ({ x: b.sumTo(dy, x.type.shape), like: null }),
  flops: () => 0,

  formulations: [
    {
      name: "shape",
      onnx: (o, { x, like }) => o.node("Expand", [x.name, o.node("Shape", [like.name])]),
    },
  ],

  reference: ({ x, like }) => broadcastTo(x, like.shape),

  samples: [
    { why: "an inner axis", x: [[1], [2]], like: sampleArray([2, 3]) },
    { why: "new leading axes", x: [1, 2], like: sampleArray([3, 1, 2]) },
    { why: "nothing to repeat", x: [1, 2], like: [0, 0] },
  ],
});
