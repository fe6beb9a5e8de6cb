/** Counting. */

import { reject } from "../../../grammar/diagnostic.js";
import { attributeRange } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { boundShape, generate } from "../kit/ndarray.js";
import { shardingRule } from "../kit/sharding.js";
import { boundDim } from "../kit/window.js";

/** Up to here the numbers themselves are smaller than it pays to make them. */
const smallCount = 256;

/** The numbers 0, 1, …, `size - 1`. */
export const iota = defineOp({
  name: "iota",
  summary: "The numbers 0, 1, …, `size - 1`.",
  reason: "Masks, positions and grids are made of it.",
  surface: "public",
  inputs: {},
  attrs: { size: attr.dim(), dtype: attr.dtype("i64") },
  traits: ["layout"],

  infer({ size, dtype }) {
    if (typeof size === "number" && size < 1) {
      const actual = String(size);
      return reject(attributeRange, { attribute: "size", expected: "at least 1", actual }, "size");
    }
    if (dtype === "bool") {
      const expected = "a dtype of numbers";
      return reject(attributeRange, { attribute: "dtype", expected, actual: dtype }, "dtype");
    }
    return tensorType(dtype, [size]);
  },

  sharding: () => shardingRule([], [["size"]], { size: "replicate" }),
  vjp: () => ({}),
  flops: () => 0,

  formulations: [
    {
      name: "initializer",
      when: ({ size, dtype }) => boundDim(size) <= smallCount || !ranges.includes(dtype),
      onnx(o, { size, dtype }) {
        const count = boundDim(size);
        const numbers = Array.from({ length: count }, (_, i) => i);
        return o.floats(numbers, [count], dtype);
      },
    },
    {
      name: "range",
      onnx: (o, { size, dtype }) => {
        const number = (value: number): string => o.floats([value], [], dtype);
        return o.node("Range", [number(0), number(boundDim(size)), number(1)]);
      },
    },
  ],

  reference: ({ size, dtype }) => generate(dtype, boundShape([size]), (index) => at(index, 0)),

  samples: [
    { why: "integers by default", size: 5 },
    { why: "floats", size: 3, dtype: "f32" },
    { why: "more than an initializer should hold", size: 300 },
  ],
});

/** What `Range` takes. */
const ranges: readonly string[] = ["f32", "f64", "i32", "i64"];
