/** Means. */

import { at } from "../../../grammar/invariant.js";
import { productOf } from "../../ir/dim.js";
import { numelOf, tensorType } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { reduceAxes, sumOf } from "../kit/ndarray.js";
import { axesAttrs, expandBack, reducedShape } from "../kit/reduction.js";
import { reducing } from "../kit/sharding.js";
import { boundDim } from "../kit/window.js";

/** The mean over `axes`, by default over all. */
export const mean = defineOp({
  name: "mean",
  summary: "The mean over `axes`, by default over all.",
  reason: "It divides by an extent that may be symbolic.",
  surface: "public",
  inputs: { x: "float" },
  attrs: axesAttrs,
  traits: ["counts"],

  infer: ({ x, axes, keep }) => tensorType(x.dtype, reducedShape(x.shape, { axes, keep })),

  // Means of parts do not add up to the mean.
  sharding: ({ x, axes, keep }) => reducing(x, { axes, keep }, "replicate"),

  // dx = dy / n, repeated.
  vjp(b, { x, axes, dy }) {
    const count = boundDim(productOf(axes.map((axis) => at(x.type.shape, axis))));
    return { x: expandBack(b, b.scale(dy, 1 / count), x, axes) };
  },

  flops: ({ x }) => numelOf(x),

  formulations: [
    {
      name: "kernel",
      onnx: (o, { x, axes, keep }) =>
        axes.length === 0
          ? o.node("Identity", [x.name])
          : o.node("ReduceMean", [x.name, o.ints(axes)], { keepdims: Number(keep) }),
    },
  ],

  reference: ({ x, axes, keep }) =>
    reduceAxes(x, { axes, keep }, (values) => sumOf(values) / values.length),

  samples: [
    {
      why: "all axes by default",
      x: [
        [1, 2, -3],
        [4, 0.5, 6],
      ],
    },
    {
      why: "one axis, kept",
      x: [
        [1, 2],
        [3, 4],
      ],
      axes: [0],
      keep: true,
    },
    {
      why: "two of three axes",
      x: [
        [
          [1, 2],
          [3, 4],
        ],
        [
          [5, 6],
          [7, 8],
        ],
      ],
      axes: [1, 2],
    },
  ],
});
