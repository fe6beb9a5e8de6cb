/** Sums. */

import { at } from "../../../grammar/invariant.js";
import { type TensorType, isNumeric, numelOf, tensorType } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { boundShape, countOf, reduceAxes, sumOf } from "../kit/ndarray.js";
import { axesAttrs, expandBack, reducedShape } from "../kit/reduction.js";
import { reducing } from "../kit/sharding.js";

/** The sum over `axes`, by default over all. */
export const sum = defineOp({
  name: "sum",
  summary: "The sum over `axes`, by default over all.",
  reason: "Reductions are kernels of their own.",
  surface: "public",
  inputs: { x: "number" },
  attrs: axesAttrs,
  traits: ["counts"],

  infer: ({ x, axes, keep }) => tensorType(x.dtype, reducedShape(x.shape, { axes, keep })),
  sharding: ({ x, axes, keep }) => reducing(x, { axes, keep }, "reduction"),

  // dx = dy, repeated.
  vjp: (b, { x, axes, dy }) => ({ x: expandBack(b, dy, x, axes) }),

  flops: ({ x }) => numelOf(x),

  formulations: [
    {
      // A product with a row of ones: columns are summed in parallel, `ReduceSum` does them in turn.
      name: "ones-product",
      when: ({ x, axes }) => sumsColumns(x, axes),
      onnx(o, { x, axes, keep }) {
        const shape = boundShape(x.type.shape);
        const rows = countOf(shape.slice(0, axes.length));
        const columns = countOf(shape.slice(axes.length));
        const flat = o.node("Reshape", [x.name, o.shape([rows, columns])]);
        const ones = o.floats(
          Array.from({ length: rows }, () => 1),
          [1, rows],
          x.type.dtype,
        );
        const product = o.node("MatMul", [ones, flat]);
        return o.node("Reshape", [product, o.shape(reducedShape(shape, { axes, keep }))]);
      },
    },
    {
      name: "kernel",
      onnx: (o, { x, axes, keep }) =>
        axes.length === 0
          ? o.node("Identity", [x.name])
          : o.node("ReduceSum", [x.name, o.ints(axes)], { keepdims: Number(keep) }),
    },
  ],

  reference: ({ x, axes, keep }) => reduceAxes(x, { axes, keep }, sumOf),

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
          [5, 6],
          [7, 8],
        ],
      ],
      axes: [0, -1],
    },
    { why: "many rows", x: Array.from({ length: 70 }, (_, i) => [i % 7, 1 - (i % 3)]), axes: [0] },
  ],
});

/** Whether the axes are the leading ones of a bound float tensor with enough rows to matter. */
function sumsColumns(x: TensorType, axes: readonly number[]): boolean {
  if (x.dtype !== "f32" || !isNumeric(x.shape)) return false;
  if (axes.length === 0 || axes.length === x.shape.length) return false;
  if (at(axes, -1) !== axes.length - 1) return false;
  const rows = countOf(x.shape.slice(0, axes.length));
  return rows >= 64 && rows <= 16384;
}
