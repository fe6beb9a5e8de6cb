/** Reordering axes. */

import { reject } from "../../../grammar/diagnostic.js";
import { orderNotPermutation } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { rankOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { transposed } from "../kit/ndarray.js";
import { axisNames, shardingRule } from "../kit/sharding.js";

/** Axis `i` of the result is axis `order[i]` of `x`; without an order the axes are reversed. */
export const transpose = defineOp({
  name: "transpose",
  summary:
    "Axis `i` of the result is axis `order[i]` of `x`; without an order the axes are reversed.",
  reason: "Nothing simpler moves elements.",
  surface: "public",
  inputs: { x: "any" },
  attrs: { order: attr.intList([]) },
  traits: ["layout"],

  infer({ x, order }) {
    const full = fullOrder(order, rankOf(x));
    if (full.toSorted((a, b) => a - b).some((axis, i) => axis !== i) || full.length !== rankOf(x)) {
      const text = `[${order.join(", ")}]`;
      return reject(orderNotPermutation, { order: text, rank: rankOf(x) }, "order");
    }
    return tensorType(
      x.dtype,
      full.map((axis) => at(x.shape, axis)),
    );
  },

  sharding({ x, order }) {
    const names = axisNames(x);
    return shardingRule([names], [fullOrder(order, rankOf(x)).map((axis) => at(names, axis))]);
  },

  // dx = dy in the inverse order.
  vjp(b, { x, order, dy }) {
    const full = fullOrder(order, rankOf(x.type));
    return {
      x: b.transpose(
        dy,
        full.map((_, axis) => full.indexOf(axis)),
      ),
    };
  },

  flops: () => 0,

  formulations: [
    {
      name: "kernel",
      onnx: (o, { x, order }) =>
        o.node("Transpose", [x.name], { perm: fullOrder(order, rankOf(x.type)) }),
    },
  ],

  reference: ({ x, order }) => transposed(x, fullOrder(order, x.shape.length)),

  samples: [
    {
      why: "a matrix, by default",
      x: [
        [1, 2, 3],
        [4, 5, 6],
      ],
    },
    {
      why: "three axes in a cycle",
      x: [
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
      ],
      order: [2, 0, 1],
    },
    {
      why: "axes from the end",
      x: [
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
      ],
      order: [0, -1, -2],
    },
  ],
});

function fullOrder(order: readonly number[], rank: number): readonly number[] {
  if (order.length === 0) return Array.from({ length: rank }, (_, i) => rank - 1 - i);
  return order.map((axis) => (axis < 0 ? axis + rank : axis));
}
