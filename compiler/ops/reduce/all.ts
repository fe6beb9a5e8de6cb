/** All of a mask. */

import { numelOf, tensorType } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { reduceAxes } from "../kit/ndarray.js";
import { onnxDType } from "../kit/onnx-dtype.js";
import { axesAttrs, reducedShape } from "../kit/reduction.js";
import { reducing } from "../kit/sharding.js";

/** Whether all elements are true over `axes`, by default over all. */
export const all = defineOp({
  name: "all",
  summary: "Whether all elements are true over `axes`, by default over all.",
  reason: "Reductions are kernels of their own.",
  surface: "public",
  inputs: { x: "bool" },
  attrs: axesAttrs,

  infer: ({ x, axes, keep }) => tensorType("bool", reducedShape(x.shape, { axes, keep })),
  sharding: ({ x, axes, keep }) => reducing(x, { axes, keep }, "replicate"),
  vjp: null,
  flops: ({ x }) => numelOf(x),

  formulations: [
    {
      // No kernel of this opset reduces bools.
      name: "integers",
      onnx(o, { x, axes, keep }) {
        if (axes.length === 0) return o.node("Identity", [x.name]);
        const numbers = o.node("Cast", [x.name], { to: onnxDType("i32") });
        const reduced = o.node("ReduceMin", [numbers, o.ints(axes)], { keepdims: Number(keep) });
        return o.node("Cast", [reduced], { to: onnxDType("bool") });
      },
    },
  ],

  reference: ({ x, axes, keep }) =>
    reduceAxes(x, { axes, keep }, (values) => Number(values.every((value) => value !== 0))),

  samples: [
    {
      why: "all axes by default",
      x: [
        [0, 1],
        [0, 0],
      ],
    },
    {
      why: "one axis, kept",
      x: [
        [0, 1],
        [0, 0],
        [1, 1],
      ],
      axes: [1],
      keep: true,
    },
  ],
});
