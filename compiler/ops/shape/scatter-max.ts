/** Largest values by index. */

import { numelOf } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { combineRows, scatterRows, segmentsSharding, segmentsType } from "../kit/segments.js";

/** The largest of all `updates[i, ...]` with `index[i]` equal to the row, for `size` rows; a row without updates is -infinity. */
export const scatterMax = defineOp({
  name: "scatter_max",
  summary:
    "The largest of all `updates[i, ...]` with `index[i]` equal to the row, for `size` rows; a row without updates is -infinity.",
  reason: "Metrics over groups of records; no gradient passes it.",
  surface: "public",
  inputs: { index: "int", updates: "float" },
  attrs: { size: attr.dim() },

  infer: (scope) => segmentsType("scatter_max", scope),
  sharding: (scope) => segmentsSharding(scope, "replicate"),
  vjp: null,
  flops: ({ updates }) => numelOf(updates),

  formulations: [
    {
      name: "scatter-nd",
      onnx: (o, scope) => scatterRows(o, { ...scope, start: -Infinity, reduction: "max" }),
    },
  ],

  reference: (scope) => combineRows(scope, -Infinity, (a, b) => Math.max(a, b)),

  samples: [
    {
      why: "rows, one twice",
      index: [1, 0, 1],
      updates: [
        [1, 2],
        [3, 4],
        [0.5, 5],
      ],
      size: 2,
    },
    { why: "numbers", index: [1, 1, 0], updates: [1, 2, -3], size: 2 },
  ],
});
