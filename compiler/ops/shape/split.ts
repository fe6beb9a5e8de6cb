/** Cutting an axis into parts. */

import { reject } from "../../../grammar/diagnostic.js";
import { attributeRange, dimNotNumeric, dimsDiffer } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { printDim } from "../../ir/dim.js";
import { tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { sliced } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { axisNames, type FactorRole, shardingRule } from "../kit/sharding.js";

/** The parts of `axis`, of the given `sizes` one after another: one result each. */
export const split = defineOp({
  name: "split",
  summary: "The parts of `axis`, of the given `sizes` one after another: one result each.",
  reason: "One kernel where slices would each pass over the tensor.",
  surface: "public",
  inputs: { x: "any" },
  attrs: { sizes: attr.intList(), axis: attr.axis(-1) },
  traits: ["layout"],

  infer({ x, sizes, axis }) {
    const extent = at(x.shape, axis);
    if (typeof extent !== "number")
      return reject(dimNotNumeric, { op: "split", dim: printDim(extent) }, "axis");
    if (sizes.length === 0 || sizes.some((size) => size < 1)) {
      const actual = `[${sizes.join(", ")}]`;
      return reject(
        attributeRange,
        { attribute: "sizes", expected: "a list of sizes of at least 1", actual },
        "sizes",
      );
    }
    const sum = sizes.reduce((total, size) => total + size, 0);
    if (sum !== extent)
      return reject(
        dimsDiffer,
        { what: `the sizes and axis ${axis}`, left: String(sum), right: String(extent) },
        "sizes",
      );
    return sizes.map((size) => tensorType(x.dtype, x.shape.with(axis, size)));
  },

  sharding({ x, sizes, axis }) {
    const names = axisNames(x);
    const parts = sizes.map((_, i) => `part${i}`);
    const whole = [at(names, axis), ...parts];
    return shardingRule(
      [names],
      parts.map((part) => names.with(axis, part)),
      Object.fromEntries(whole.map((name): [string, FactorRole] => [name, "replicate"])),
    );
  },

  // dx is the parts' cotangents, joined; zeros where none arrives.
  vjp: (b, { axis, ys, dys }) => ({
    x: b.concat(
      ys.map((y, i) => dys[i] ?? b.expand(b.constant(0, y.type.dtype), y.type.shape)),
      axis,
    ),
  }),

  flops: () => 0,

  formulations: [
    {
      name: "kernel",
      onnx: (o, { x, sizes, axis }) =>
        o.nodes("Split", [x.name, o.ints(sizes)], { axis }, sizes.length),
    },
  ],

  reference({ x, sizes, axis }) {
    let to = 0;
    return sizes.map((size) => {
      const from = to;
      to += size;
      return sliced(x, axis, { from, to, step: 1 });
    });
  },

  samples: [
    { why: "three parts of different size", x: sampleArray([2, 6]), sizes: [1, 3, 2] },
    { why: "another axis", x: sampleArray([4, 2]), sizes: [2, 2], axis: 0 },
    { why: "a single part", x: sampleArray([3]), sizes: [3] },
  ],
});
