/** Sums by index. */

import { numelOf } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { sampleArray } from "../kit/sample-array.js";
import { combineRows, scatterRows, segmentsSharding, segmentsType } from "../kit/segments.js";

/** Adds each `updates[i, ...]` to row `index[i]` of `size` rows of zeros. */
export const scatterAdd = defineOp({
  name: "scatter_add",
  summary: "Adds each `updates[i, ...]` to row `index[i]` of `size` rows of zeros.",
  reason: "The gradient of `gather`, and sums over groups of records.",
  surface: "public",
  inputs: { index: "int", updates: "float" },
  attrs: { size: attr.dim() },

  infer: (scope) => segmentsType("scatter_add", scope),
  sharding: (scope) => segmentsSharding(scope, "reduction"),

  // Linear in the updates: each takes the cotangent of its row.
  vjp: (b, { index, dy }) => ({ index: null, updates: b.emit("gather", [dy, index], { axis: 0 }) }),

  flops: ({ updates }) => numelOf(updates),

  formulations: [
    {
      name: "scatter-nd",
      onnx: (o, scope) => scatterRows(o, { ...scope, start: 0, reduction: "add" }),
    },
  ],

  reference: (scope) => combineRows(scope, 0, (a, b) => a + b),

  samples: [
    { why: "rows, one twice", index: [2, 0, 2], updates: sampleArray([3, 2]), size: 4 },
    { why: "numbers", index: [1, 1, 0], updates: [1, 2, 3], size: 2 },
    {
      why: "a matrix of indices",
      index: [
        [1, 0],
        [0, 0],
      ],
      updates: sampleArray([2, 2, 3]),
      size: 2,
    },
    { why: "a single row", index: 1, updates: [1, 2], size: 3 },
  ],
});
