/** Picking one element per place along an axis. */

import { reject } from "../../../grammar/diagnostic.js";
import { dimsDiffer, rankDiffers } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { printDim, sameDim } from "../../ir/dim.js";
import { printType, rankOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { generate, valueAt } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { axisNames, shardingRule } from "../kit/sharding.js";
import { wideIndex } from "../kit/wide-index.js";
import { boundDim } from "../kit/window.js";

/** At each place of `index` the element of `x` at the same place but for `axis`, where it is the index. */
export const takeAlong = defineOp({
  name: "take_along",
  summary:
    "At each place of `index` the element of `x` at the same place but for `axis`, where it is the index.",
  reason: "ONNX Runtime runs `GatherElements` as one kernel.",
  surface: "public",
  inputs: { x: "any", index: "int" },
  attrs: { axis: attr.axis(-1) },
  traits: ["layout"],

  infer({ x, index, axis }) {
    if (rankOf(index) !== rankOf(x))
      return reject(
        rankDiffers,
        {
          op: "take_along",
          input: "index",
          expected: `${rankOf(x)} axes`,
          actual: printType(index),
        },
        "index",
      );
    for (const [i, dim] of x.shape.entries()) {
      const other = at(index.shape, i);
      if (i !== axis && !sameDim(dim, other))
        return reject(
          dimsDiffer,
          { what: `axis ${i} of x and index`, left: printDim(dim), right: printDim(other) },
          "index",
        );
    }
    return tensorType(x.dtype, index.shape);
  },

  sharding({ x, index, axis }) {
    const names = axisNames(x);
    const picked = axisNames(index).with(axis, "picked");
    return shardingRule([names, picked], [picked], { [at(names, axis)]: "replicate" });
  },

  vjp: (b, { x, index, axis, dy }) => ({
    x: b.emit("scatter_along", [index, dy], { axis, size: boundDim(at(x.type.shape, axis)) }),
    index: null,
  }),

  flops: () => 0,

  formulations: [
    {
      name: "kernel",
      onnx: (o, { x, index, axis }) =>
        o.node("GatherElements", [x.name, wideIndex(o, index)], { axis }),
    },
  ],

  reference({ x, index, axis }) {
    const extent = at(x.shape, axis);
    return generate(x.dtype, index.shape, (place) => {
      const source = valueAt(index, place);
      return valueAt(x, place.with(axis, source < 0 ? source + extent : source));
    });
  },

  samples: [
    {
      why: "the last axis by default",
      x: sampleArray([2, 4]),
      index: [
        [3, 0, 0],
        [1, 1, 2],
      ],
    },
    { why: "another axis, from its end", x: sampleArray([3, 2]), index: [[-1, 0]], axis: 0 },
  ],
});
