/** Adding an axis of extent 1. */

import { reject } from "../../../grammar/diagnostic.js";
import { axisOutOfRange } from "../../../grammar/diagnostics/shape.js";
import { printType, rankOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { reshaped } from "../kit/ndarray.js";
import { axisNames, shardingRule } from "../kit/sharding.js";

/** Adds an axis of extent 1 at `axis` of the result. */
export const unsqueeze = defineOp({
  name: "unsqueeze",
  summary: "Adds an axis of extent 1 at `axis` of the result.",
  reason: "Unlike `reshape` it needs no other extent.",
  surface: "public",
  inputs: { x: "any" },
  attrs: { axis: attr.int() },
  traits: ["layout"],

  infer({ x, axis }) {
    const place = counted(axis, rankOf(x));
    if (place < 0 || place > rankOf(x))
      return reject(axisOutOfRange, { axis, type: printType(x), rank: rankOf(x) }, "axis");
    return tensorType(x.dtype, x.shape.toSpliced(place, 0, 1));
  },

  sharding({ x, axis }) {
    const names: readonly (string | null)[] = axisNames(x);
    return shardingRule([names], [names.toSpliced(counted(axis, rankOf(x)), 0, null)]);
  },

  vjp: (b, { x, dy }) => ({ x: b.reshape(dy, x.type.shape) }),
  flops: () => 0,

  formulations: [
    { name: "kernel", onnx: (o, { x, axis }) => o.node("Unsqueeze", [x.name, o.ints([axis])]) },
  ],

  reference: ({ x, axis }) => reshaped(x, x.shape.toSpliced(counted(axis, x.shape.length), 0, 1)),

  samples: [
    { why: "in front", x: [1, 2, 3], axis: 0 },
    {
      why: "at the end",
      x: [
        [1, 2],
        [3, 4],
      ],
      axis: -1,
    },
  ],
});

/** The new axis, counted in the result. */
const counted = (axis: number, rank: number): number => (axis < 0 ? axis + rank + 1 : axis);
