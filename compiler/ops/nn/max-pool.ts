/** Maximum pooling, NCHW. */

import { isRejection, reject } from "../../../grammar/diagnostic.js";
import { rankDiffers } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { numelOf, printType, rankOf, tensorType } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { poolingRule, poolReference } from "../kit/pooling.js";
import { poolAttrs, windowOnnx, windowSteps } from "../kit/window.js";

/** The largest element of each window over `x [N, C, H, W]`; `pads` is top, left, bottom, right. */
export const maxPool = defineOp({
  name: "max_pool",
  summary:
    "The largest element of each window over `x [N, C, H, W]`; `pads` is top, left, bottom, right.",
  reason: "ONNX Runtime runs `MaxPool` as one kernel.",
  surface: "public",
  inputs: { x: "float" },
  attrs: poolAttrs,

  infer(scope) {
    const { x } = scope;
    const actual = printType(x);
    if (rankOf(x) !== 4)
      return reject(
        rankDiffers,
        { op: "max_pool", input: "x", expected: "four axes", actual },
        "x",
      );
    const window = { ...scope, dilation: [1, 1] };
    const steps = windowSteps([at(x.shape, 2), at(x.shape, 3)], window, {
      kernel: "kernel",
      dilation: "kernel",
    });
    if (isRejection(steps)) return steps;
    return tensorType(x.dtype, [...x.shape.slice(0, 2), ...steps]);
  },

  sharding: () => poolingRule("nchw->ncyx"),

  vjp: (b, { x, kernel, stride, pads, dy }) => ({
    x: b.emit("max_pool_grad", [dy, x], { kernel, stride, pads }),
  }),

  flops: ({ x, kernel }) => numelOf(x) * at(kernel, 0) * at(kernel, 1),

  coarse: "MaxPool",
  formulations: [
    {
      name: "kernel",
      onnx: (o, scope) =>
        o.node("MaxPool", [scope.x.name], windowOnnx({ ...scope, dilation: [1, 1] })),
    },
  ],

  reference: (scope) =>
    poolReference(scope.x, scope, (cells) =>
      cells.reduce((m, c) => Math.max(m, c.value), -Infinity),
    ),

  samples: [
    {
      why: "windows side by side",
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
      why: "overlapping windows, padding with negative values inside",
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
      why: "uneven padding, a rest",
      x: [
        [
          [
            [1, 2, 3, 9],
            [4, 6, 5, 8],
          ],
        ],
        [
          [
            [0, 7, 2, 1],
            [3, 4, 9, 5],
          ],
        ],
      ],
      kernel: [1, 3],
      stride: [1, 2],
      pads: [0, 1, 0, 0],
    },
  ],
});
