/** Minima. */

import { numelOf, tensorType } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { reduceAxes } from "../kit/ndarray.js";
import { axesAttrs, keepAxes, reducedShape } from "../kit/reduction.js";
import { reducing } from "../kit/sharding.js";

/** The smallest element over `axes`, by default over all; equal ones share the gradient evenly. */
export const amin = defineOp({
  name: "amin",
  summary:
    "The smallest element over `axes`, by default over all; equal ones share the gradient evenly.",
  reason: "Reductions are kernels of their own.",
  surface: "public",
  inputs: { x: "number" },
  attrs: axesAttrs,

  infer: ({ x, axes, keep }) => tensorType(x.dtype, reducedShape(x.shape, { axes, keep })),
  sharding: ({ x, axes, keep }) => reducing(x, { axes, keep }, "replicate"),

  // With m = (x == y): dx = dy * m / sum(m).
  vjp(b, { x, axes, y, dy }) {
    const mask = b.cast(b.equal(x, keepAxes(b, y, x, axes)), dy.type.dtype);
    const share = b.div(keepAxes(b, dy, x, axes), b.sum(mask, { axes, keep: true }));
    return { x: b.mul(mask, share) };
  },

  flops: ({ x }) => numelOf(x),

  formulations: [
    {
      name: "kernel",
      onnx: (o, { x, axes, keep }) =>
        axes.length === 0
          ? o.node("Identity", [x.name])
          : o.node("ReduceMin", [x.name, o.ints(axes)], { keepdims: Number(keep) }),
    },
  ],

  reference: ({ x, axes, keep }) =>
    reduceAxes(x, { axes, keep }, (values) => values.reduce((a, b) => Math.min(a, b), Infinity)),

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
        [-1, -2],
        [-3, -4],
      ],
      axes: [1],
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
          [5, 9],
          [7, 8],
        ],
      ],
      axes: [0, 2],
    },
  ],
});
