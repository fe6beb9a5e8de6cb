/** The gradient of `max_pool`. */

import { at } from "../../../grammar/invariant.js";
import { numelOf } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { boundShape, countOf, generate, valueAt } from "../kit/ndarray.js";
import { cellsOf, poolingRule } from "../kit/pooling.js";
import { sampleArray } from "../kit/sample-array.js";
import { poolAttrs, windowOnnx } from "../kit/window.js";

/** Adds each element of `g` to the place of its window's maximum, the first of equal ones. */
export const maxPoolGrad = defineOp({
  name: "max_pool_grad",
  summary:
    "Adds each element of `g` to the place of its window's maximum, the first of equal ones.",
  reason: "The places come from `MaxPool` itself; comparing values would hit several equal ones.",
  surface: "internal",
  inputs: { g: "float", x: "float" },
  attrs: poolAttrs,

  infer: ({ x }) => x,
  sharding: () => poolingRule("ncyx,nchw->nchw"),
  vjp: null,
  flops: ({ g, kernel }) => numelOf(g) * at(kernel, 0) * at(kernel, 1),

  coarse: "MaxPoolGrad",
  formulations: [
    {
      // Windows that do not overlap hit each place once: nothing has to be added.
      name: "unpool",
      when: ({ kernel, stride, pads }) =>
        kernel.every((extent, axis) => extent <= at(stride, axis)) &&
        pads.every((count) => count === 0),
      onnx(o, scope) {
        const window = windowOnnx({ ...scope, dilation: [1, 1] });
        const [, places] = o.nodes("MaxPool", [scope.x.name], window, 2);
        return o.node(
          "MaxUnpool",
          [scope.g.name, places ?? "", o.shape(scope.x.type.shape)],
          window,
        );
      },
    },
    {
      name: "scatter",
      onnx(o, scope) {
        const { g, x } = scope;
        const [, places] = o.nodes(
          "MaxPool",
          [x.name],
          windowOnnx({ ...scope, dilation: [1, 1] }),
          2,
        );
        const shape = boundShape(x.type.shape);
        const count = o.ints([countOf(shape)]);
        const zeros = o.node("Expand", [o.floats([0], [], x.type.dtype), count]);
        const flat = o.ints([-1]);
        const sums = o.node(
          "ScatterElements",
          [zeros, o.node("Reshape", [places ?? "", flat]), o.node("Reshape", [g.name, flat])],
          { axis: 0, reduction: "add" },
        );
        return o.node("Reshape", [sums, o.shape(shape)]);
      },
    },
  ],

  reference(scope) {
    const { g, x } = scope;
    const data = new Float64Array(x.data.length);
    generate(g.dtype, g.shape, (index) => {
      const cells = cellsOf(x, scope, index);
      const best = cells.reduce((m, cell) => (cell.value > m.value ? cell : m), at(cells, 0));
      data[best.place] = (data[best.place] ?? 0) + valueAt(g, index);
      return 0;
    });
    return { dtype: x.dtype, shape: x.shape, data };
  },

  samples: [
    {
      why: "windows side by side",
      g: [
        [
          [
            [1, 2],
            [3, 4],
          ],
        ],
      ],
      x: [
        [
          [
            [1, 2, 5, 3],
            [4, 0, -1, 2],
            [7, -2, 0.5, 1],
            [3, 8, 6, 9],
          ],
        ],
      ],
      kernel: [2, 2],
      stride: [2, 2],
    },
    {
      why: "overlapping windows share a maximum, several channels",
      g: [
        [
          [
            [1, 2],
            [3, 4],
          ],
          [
            [0.5, -1],
            [2, 1],
          ],
        ],
      ],
      x: [
        [
          [
            [-1, -2, -5],
            [-4, -7, -9],
            [-3, -8, -6],
          ],
          [
            [1, 6, 2],
            [5, 9, 3],
            [4, 0, 7],
          ],
        ],
      ],
      kernel: [3, 3],
      stride: [2, 2],
      pads: [1, 1, 1, 1],
    },
    {
      why: "windows apart, a rest",
      g: sampleArray([2, 2, 2, 2]),
      x: sampleArray([2, 2, 5, 6], 1),
      kernel: [2, 1],
      stride: [2, 3],
    },
    {
      why: "of equal elements the first",
      g: [[[[1, 2]]], [[[3, 4]]]],
      x: [
        [
          [
            [0, 0, 5, 5],
            [0, 0, 5, 5],
          ],
        ],
        [
          [
            [1, 1, 2, 3],
            [1, 1, 3, 3],
          ],
        ],
      ],
      kernel: [2, 2],
      stride: [2, 2],
    },
  ],
});
