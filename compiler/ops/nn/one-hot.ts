/** One-hot vectors. */

import { reject } from "../../../grammar/diagnostic.js";
import { attributeRange } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { numelOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { generate, valueAt } from "../kit/ndarray.js";
import { onnxDType } from "../kit/onnx-dtype.js";
import { axisNames, shardingRule } from "../kit/sharding.js";

/** A last axis of length `depth` with a one at the index `x`, zeros elsewhere. */
export const oneHot = defineOp({
  name: "one_hot",
  summary: "A last axis of length `depth` with a one at the index `x`, zeros elsewhere.",
  reason: "It turns labels into weights; a comparison alone has no name for the classes.",
  surface: "public",
  inputs: { x: "int" },
  attrs: { depth: attr.int(), dtype: attr.dtype("f32") },

  infer({ x, depth, dtype }) {
    if (depth < 1) {
      const actual = String(depth);
      return reject(
        attributeRange,
        { attribute: "depth", expected: "at least 1", actual },
        "depth",
      );
    }
    return tensorType(dtype, [...x.shape, depth]);
  },

  sharding({ x }) {
    const names = axisNames(x);
    return shardingRule([names], [[...names, "depth"]], { depth: "replicate" });
  },

  vjp: () => ({ x: null }),
  flops: ({ x, depth }) => numelOf(x) * depth,

  formulations: [
    {
      // A comparison instead of `OneHot`, which reads negative indices from the end.
      name: "equal",
      onnx(o, { x, depth, dtype }) {
        const labels =
          x.type.dtype === "i64" ? x.name : o.node("Cast", [x.name], { to: onnxDType("i64") });
        const column = o.node("Unsqueeze", [labels, o.ints([-1])]);
        const classes = o.ints(Array.from({ length: depth }, (_, i) => i));
        return o.node("Cast", [o.node("Equal", [column, classes])], { to: onnxDType(dtype) });
      },
    },
  ],

  reference: ({ x, depth, dtype }) =>
    generate(dtype, [...x.shape, depth], (index) =>
      valueAt(x, index.slice(0, -1)) === at(index, -1) ? 1 : 0,
    ),

  samples: [
    { why: "a list of labels", x: [2, 0, 1], depth: 3 },
    {
      why: "a matrix of labels",
      x: [
        [1, 0],
        [3, 2],
      ],
      depth: 4,
    },
    { why: "outside of the range there is no one", x: [-1, 5, 1], depth: 2 },
  ],
});
