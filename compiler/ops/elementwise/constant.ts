/** A constant. */

import { isNumeric, numelOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { boundShape, generate } from "../kit/ndarray.js";
import { elementwise } from "../kit/sharding.js";

/** Up to here an initializer of the full shape is smaller than the nodes that would expand it. */
const smallCount = 256;

/** One value in every place of a tensor. */
export const constant = defineOp({
  name: "constant",
  summary: "One value in every place of a tensor.",
  reason: "The only op without inputs.",
  surface: "internal",
  inputs: {},
  attrs: { value: attr.float(), dtype: attr.dtype(), shape: attr.shape() },
  traits: ["layout"],

  infer: ({ dtype, shape }) => tensorType(dtype, shape),
  sharding: ({ dtype, shape }) => elementwise([], tensorType(dtype, shape)),
  vjp: () => ({}),
  flops: () => 0,

  formulations: [
    {
      name: "initializer",
      when: ({ shape }) => isNumeric(shape) && numelOf(tensorType("f32", shape)) <= smallCount,
      onnx(o, { value, dtype, shape }) {
        const bound = boundShape(shape);
        const count = numelOf(tensorType("f32", bound));
        return o.floats(
          Array.from({ length: count }, () => value),
          bound,
          dtype,
        );
      },
    },
    {
      name: "expand",
      onnx: (o, { value, dtype, shape }) =>
        o.node("Expand", [o.floats([value], [], dtype), o.extents(shape)]),
    },
  ],

  reference: ({ value, dtype, shape }) => generate(dtype, boundShape(shape), () => value),

  samples: [
    { why: "a scalar", value: 2.5, dtype: "f32", shape: [] },
    { why: "a splat", value: -1, dtype: "f32", shape: [2, 3] },
    { why: "an integer", value: 3, dtype: "i64", shape: [2] },
    { why: "larger than an initializer should be", value: 0.5, dtype: "f32", shape: [30, 20] },
  ],
});
