/** A list of numbers. */

import { reject } from "../../../grammar/diagnostic.js";
import { attributeRange } from "../../../grammar/diagnostics/shape.js";
import { isFloat, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { ndarray } from "../kit/ndarray.js";
import { shardingRule } from "../kit/sharding.js";

/** The numbers of a list as a tensor of one axis. */
export const vector = defineOp({
  name: "vector",
  summary: "The numbers of a list as a tensor of one axis.",
  reason: "Class weights and the like are settings; `constant` holds one number only.",
  surface: "public",
  inputs: {},
  attrs: { values: attr.floats(), dtype: attr.dtype("f32") },
  traits: ["layout"],

  infer({ values, dtype }) {
    if (values.length === 0) {
      const expected = "a list of at least one number";
      return reject(attributeRange, { attribute: "values", expected, actual: "[]" }, "values");
    }
    if (!isFloat(dtype) && values.some((value) => !Number.isInteger(value))) {
      const expected = `a list of integers for ${dtype}`;
      const actual = `[${values.join(", ")}]`;
      return reject(attributeRange, { attribute: "values", expected, actual }, "values");
    }
    return tensorType(dtype, [values.length]);
  },

  sharding: () => shardingRule([], [["entry"]], { entry: "replicate" }),
  vjp: () => ({}),
  flops: () => 0,

  formulations: [
    {
      name: "initializer",
      onnx: (o, { values, dtype }) => o.floats(values, [values.length], dtype),
    },
  ],

  reference: ({ values, dtype }) => ndarray(dtype, [values.length], values),

  samples: [
    { why: "floats by default", values: [1, -0.5, 3] },
    { why: "integers", values: [3, 0], dtype: "i64" },
  ],
});
