/** Conversion between dtypes. */

import { type DType, isFloat, numelOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { mapElements } from "../kit/ndarray.js";
import { onnxDType } from "../kit/onnx-dtype.js";
import { elementwise } from "../kit/sharding.js";

/** Converts each element to `dtype`; to an integer it rounds toward zero. */
export const cast = defineOp({
  name: "cast",
  summary: "Converts each element to `dtype`; to an integer it rounds toward zero.",
  reason: "Nothing is promoted implicitly, so conversions must be written.",
  surface: "public",
  inputs: { x: "any" },
  attrs: { dtype: attr.dtype() },
  traits: ["elementwise"],

  infer: ({ x, dtype }) => tensorType(dtype, x.shape),

  sharding: ({ x }) => elementwise([x], x),

  // dx = dy, converted back. No gradient passes an integer or a bool.
  vjp: (b, { x, dtype, dy }) => ({
    x: isFloat(x.type.dtype) && isFloat(dtype) ? b.cast(dy, x.type.dtype) : null,
  }),

  flops: ({ x }) => numelOf(x),

  formulations: [
    {
      name: "kernel",
      onnx: (o, { x, dtype }) => o.node("Cast", [x.name], { to: onnxDType(dtype) }),
    },
  ],

  reference: ({ x, dtype }) => mapElements(x, converter(dtype), dtype),

  samples: [
    { why: "a float stays", x: [1.5, -2.5], dtype: "f32" },
    { why: "to an integer, toward zero", x: [1.75, -1.75, 3], dtype: "i64" },
    { why: "to a bool, everything but zero is true", x: [0, 0.5, -2], dtype: "bool" },
  ],
});

function converter(dtype: DType): (value: number) => number {
  if (dtype === "bool") return (value) => (value === 0 ? 0 : 1);
  return isFloat(dtype) ? (value) => value : Math.trunc;
}
