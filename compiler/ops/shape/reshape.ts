/** Changing the shape, keeping the elements in order. */

import { reject } from "../../../grammar/diagnostic.js";
import { reshapeCountDiffers } from "../../../grammar/diagnostics/shape.js";
import { printDim, productOf, sameDim } from "../../ir/dim.js";
import { printType, sizeOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { boundShape, reshaped } from "../kit/ndarray.js";
import { reshaping } from "../kit/reshape-factors.js";

/** The same elements in row-major order, in another shape. */
export const reshape = defineOp({
  name: "reshape",
  summary: "The same elements in row-major order, in another shape.",
  reason: "Costs nothing at run time; no other op changes the number of axes.",
  surface: "public",
  inputs: { x: "any" },
  attrs: { shape: attr.shape() },
  traits: ["layout"],

  infer({ x, shape }) {
    const [from, to] = [sizeOf(x), productOf(shape)];
    const result = tensorType(x.dtype, shape);
    if (!sameDim(from, to))
      return reject(
        reshapeCountDiffers,
        {
          from: printType(x),
          fromSize: printDim(from),
          to: printType(result),
          toSize: printDim(to),
        },
        "shape",
      );
    return result;
  },

  sharding: ({ x, shape }) => reshaping(x.shape, shape),
  vjp: (b, { x, dy }) => ({ x: b.reshape(dy, x.type.shape) }),
  flops: () => 0,

  formulations: [
    { name: "kernel", onnx: (o, { x, shape }) => o.node("Reshape", [x.name, o.shape(shape)]) },
  ],

  reference: ({ x, shape }) => reshaped(x, boundShape(shape)),

  samples: [
    {
      why: "axes merge",
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
      shape: [2, 4],
    },
    {
      why: "one axis splits, one stays",
      x: [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
      shape: [2, 2, 2],
    },
    { why: "to a scalar", x: [[3]], shape: [] },
    {
      why: "nothing in common",
      x: [
        [1, 2, 3],
        [4, 5, 6],
      ],
      shape: [3, 2],
    },
  ],
});
