/** Broadcasting to a shape. */

import { reject } from "../../../grammar/diagnostic.js";
import { notBroadcastable } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { sameShape } from "../../ir/dim.js";
import { printType, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { broadcastShapes } from "../kit/broadcast.js";
import { boundShape, broadcastTo } from "../kit/ndarray.js";
import { elementwise } from "../kit/sharding.js";

/** Repeats axes of extent 1, and adds leading ones, until `x` has the given shape. */
export const expand = defineOp({
  name: "expand",
  summary: "Repeats axes of extent 1, and adds leading ones, until `x` has the given shape.",
  reason: "The reverse of a sum; arithmetic with zeros would compute.",
  surface: "public",
  inputs: { x: "any" },
  attrs: { shape: attr.shape() },
  traits: ["layout"],

  infer({ x, shape }) {
    const common = broadcastShapes(x.shape, shape);
    const result = tensorType(x.dtype, shape);
    if (common === null || !sameShape(common, shape))
      return reject(notBroadcastable, { left: printType(x), right: printType(result) }, "shape");
    return result;
  },

  sharding: ({ x, shape }) => elementwise([x], tensorType(x.dtype, shape)),

  vjp: (b, { x, dy }) => ({ x: b.sumTo(dy, x.type.shape) }),

  flops: () => 0,

  formulations: [
    {
      name: "kernel",
      onnx(o, { x, shape }) {
        const lead = shape.length - x.type.shape.length;
        // A 1 in the target keeps the input's extent, which therefore may be symbolic.
        const target = shape.map((dim, axis) =>
          axis >= lead && at(x.type.shape, axis - lead) !== 1 ? 1 : dim,
        );
        return o.node("Expand", [x.name, o.extents(target)]);
      },
    },
  ],

  reference: ({ x, shape }) => broadcastTo(x, boundShape(shape)),

  samples: [
    { why: "an inner axis", x: [[1], [2]], shape: [2, 3] },
    { why: "new leading axes", x: [1, 2, 3], shape: [2, 2, 3] },
    { why: "a scalar", x: 4, shape: [2, 2] },
  ],
});
