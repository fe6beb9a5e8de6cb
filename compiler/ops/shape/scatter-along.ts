/** The reverse of `take_along`. */

import { reject } from "../../../grammar/diagnostic.js";
import { attributeRange } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { sameShape } from "../../ir/dim.js";
import { numelOf, printType, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { boundShape, countOf, generate, ndarray, stridesOf, valueAt } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { alignedExcept } from "../kit/sharding.js";
import { wideIndex } from "../kit/wide-index.js";

/** Adds each element of `updates` to place `index` along `axis` of zeros with extent `size` there. */
export const scatterAlong = defineOp({
  name: "scatter_along",
  summary:
    "Adds each element of `updates` to place `index` along `axis` of zeros with extent `size` there.",
  reason: "The gradient of `take_along` and `top_k`.",
  surface: "public",
  inputs: { index: "int", updates: "float" },
  attrs: { axis: attr.axis(-1), size: attr.int() },

  infer({ index, updates, axis, size }) {
    if (!sameShape(index.shape, updates.shape)) {
      const [expected, actual] = [printType(index), printType(updates)];
      return reject(
        attributeRange,
        { attribute: "updates", expected: `of the shape of ${expected}`, actual },
        "updates",
      );
    }
    if (size < 1)
      return reject(
        attributeRange,
        { attribute: "size", expected: "at least 1", actual: String(size) },
        "size",
      );
    return tensorType(updates.dtype, updates.shape.with(axis, size));
  },

  sharding: ({ updates, axis }) => alignedExcept(updates, [axis], 2),

  // Linear in the updates: their cotangents are picked up where they were put.
  vjp: (b, { index, axis, dy }) => ({
    index: null,
    updates: b.emit("take_along", [dy, index], { axis }),
  }),

  flops: ({ updates }) => numelOf(updates),

  formulations: [
    {
      name: "scatter-elements",
      onnx(o, { index, updates, axis, size }) {
        const shape = boundShape(updates.type.shape).with(axis, size);
        const zeros = o.node("Expand", [o.floats([0], [], updates.type.dtype), o.ints(shape)]);
        return o.node("ScatterElements", [zeros, wideIndex(o, index), updates.name], {
          axis,
          reduction: "add",
        });
      },
    },
  ],

  reference({ index, updates, axis, size }) {
    const shape = updates.shape.with(axis, size);
    const strides = stridesOf(shape);
    const data = new Float64Array(countOf(shape));
    generate("i64", index.shape, (place) => {
      const target = valueAt(index, place);
      const full = place.with(axis, target < 0 ? target + size : target);
      const flat = full.reduce((sum, i, n) => sum + i * at(strides, n), 0);
      data[flat] = (data[flat] ?? 0) + valueAt(updates, place);
      return 0;
    });
    return ndarray(updates.dtype, shape, data);
  },

  samples: [
    {
      why: "the last axis by default, one place twice",
      index: [
        [0, 3],
        [1, 1],
      ],
      updates: [
        [1, 2],
        [3, -4],
      ],
      size: 4,
    },
    { why: "another axis", index: [[1, 0, 2]], updates: sampleArray([1, 3]), axis: 0, size: 3 },
  ],
});
