/** Products. */

import { numelOf, tensorType } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { reduceAxes } from "../kit/ndarray.js";
import { axesAttrs, keepAxes, reducedShape } from "../kit/reduction.js";
import { sampleArray } from "../kit/sample-array.js";
import { reducing } from "../kit/sharding.js";

/** The product over `axes`, by default over all; its gradient is right at zeros. */
export const prod = defineOp({
  name: "prod",
  summary: "The product over `axes`, by default over all; its gradient is right at zeros.",
  reason: "Reductions are kernels of their own.",
  surface: "public",
  inputs: { x: "number" },
  attrs: axesAttrs,

  infer: ({ x, axes, keep }) => tensorType(x.dtype, reducedShape(x.shape, { axes, keep })),
  sharding: ({ x, axes, keep }) => reducing(x, { axes, keep }, "replicate"),

  // dx = dy * (product of the others): that of the nonzero ones by x, where no other one is zero.
  vjp(b, { x, axes, dy }) {
    const { dtype } = x.type;
    const kept = { axes, keep: true };
    const zeros = b.cast(b.equal(x, b.constant(0, dtype)), dtype);
    const nonzero = b.add(x, zeros);
    const others = b.sub(b.sum(zeros, kept), zeros);
    const free = b.cast(b.equal(others, b.constant(0, dtype)), dtype);
    const rest = b.div(b.emit("prod", [nonzero], kept), nonzero);
    return { x: b.mul(keepAxes(b, dy, x, axes), b.mul(rest, free)) };
  },

  flops: ({ x }) => numelOf(x),

  formulations: [
    {
      name: "kernel",
      onnx: (o, { x, axes, keep }) =>
        axes.length === 0
          ? o.node("Identity", [x.name])
          : o.node("ReduceProd", [x.name, o.ints(axes)], { keepdims: Number(keep) }),
    },
  ],

  reference: ({ x, axes, keep }) =>
    reduceAxes(x, { axes, keep }, (values) => values.reduce((a, b) => a * b, 1)),

  samples: [
    { why: "all axes by default", x: sampleArray([2, 3]) },
    { why: "one axis, kept", x: sampleArray([2, 3]), axes: [1], keep: true },
    {
      why: "no, one and two zeros",
      x: [
        [2, -3, 0.5],
        [2, 0, 3],
        [0, 4, 0],
      ],
      axes: [1],
    },
  ],
});
