/** Variances. */

import { reject } from "../../../grammar/diagnostic.js";
import { attributeRange, dimNotNumeric } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { type Dim, printDim, productOf } from "../../ir/dim.js";
import { numelOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { reduceAxes, sumOf } from "../kit/ndarray.js";
import { axesAttrs, keepAxes, reducedShape } from "../kit/reduction.js";
import { sampleArray } from "../kit/sample-array.js";
import { reducing } from "../kit/sharding.js";
import { boundDim } from "../kit/window.js";

/** The mean squared distance from the mean over `axes`; the sum is divided by `count - correction`. */
export const variance = defineOp({
  name: "var",
  summary:
    "The mean squared distance from the mean over `axes`; the sum is divided by `count - correction`.",
  reason: "Stable where the mean of squares minus the squared mean is not.",
  surface: "public",
  inputs: { x: "float" },
  attrs: { ...axesAttrs, correction: attr.int(1) },

  infer({ x, axes, keep, correction }) {
    const count = countAlong(x.shape, axes);
    if (typeof count !== "number" && correction !== 0)
      return reject(dimNotNumeric, { op: "var", dim: printDim(count) }, "axes");
    if (typeof count === "number" && (correction < 0 || correction >= count)) {
      const expected = `from 0 to ${count - 1}`;
      const actual = String(correction);
      return reject(attributeRange, { attribute: "correction", expected, actual }, "correction");
    }
    return tensorType(x.dtype, reducedShape(x.shape, { axes, keep }));
  },

  sharding: ({ x, axes, keep }) => reducing(x, { axes, keep }, "replicate"),

  // dx = dy * 2 (x - mean) / (count - correction).
  vjp(b, { x, axes, correction, dy }) {
    const centered = b.sub(x, b.mean(x, { axes, keep: true }));
    const factor = 2 / (boundDim(countAlong(x.type.shape, axes)) - correction);
    return { x: b.mul(b.scale(keepAxes(b, dy, x, axes), factor), centered) };
  },

  flops: ({ x }) => 4 * numelOf(x),

  formulations: [
    {
      name: "two-pass",
      onnx(o, { x, axes, keep, correction }) {
        const list = o.ints(axes);
        const mean = o.node("ReduceMean", [x.name, list], { keepdims: 1 });
        const centered = o.node("Sub", [x.name, mean]);
        const squares = o.node("Mul", [centered, centered]);
        const biased = o.node("ReduceMean", [squares, list], { keepdims: Number(keep) });
        if (correction === 0) return biased;
        const count = boundDim(countAlong(x.type.shape, axes));
        const factor = o.floats([count / (count - correction)], [], x.type.dtype);
        return o.node("Mul", [biased, factor]);
      },
    },
  ],

  reference: ({ x, axes, keep, correction }) =>
    reduceAxes(x, { axes, keep }, (values) => {
      const mean = sumOf(values) / values.length;
      return sumOf(values.map((value) => (value - mean) ** 2)) / (values.length - correction);
    }),

  samples: [
    { why: "unbiased over all axes by default", x: sampleArray([3, 4]) },
    { why: "biased, one axis kept", x: sampleArray([3, 4]), axes: [1], keep: true, correction: 0 },
    {
      why: "far from zero",
      x: [
        [1000, 1001, 1003],
        [-1000, -1000.5, -999],
      ],
      axes: [-1],
    },
  ],
});

const countAlong = (shape: readonly Dim[], axes: readonly number[]): Dim =>
  productOf(axes.map((axis) => at(shape, axis)));
