/** Average pooling, NCHW. */

import { isRejection, reject } from "../../../grammar/diagnostic.js";
import { rankDiffers } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { numelOf, printType, rankOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { sumOf } from "../kit/ndarray.js";
import { poolReference, poolingRule } from "../kit/pooling.js";
import { boundDim, poolAttrs, windowOnnx, windowSteps } from "../kit/window.js";

/** The mean of each window over `x [N, C, H, W]`; zeros of the padding count unless told otherwise. */
export const avgPool = defineOp({
  name: "avg_pool",
  summary:
    "The mean of each window over `x [N, C, H, W]`; zeros of the padding count unless told otherwise.",
  reason: "ONNX Runtime runs `AveragePool` as one kernel.",
  surface: "public",
  inputs: { x: "float" },
  attrs: { ...poolAttrs, count_include_pad: attr.bool(true) },

  infer(scope) {
    const { x } = scope;
    const actual = printType(x);
    if (rankOf(x) !== 4)
      return reject(
        rankDiffers,
        { op: "avg_pool", input: "x", expected: "four axes", actual },
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

  vjp(b, { x, kernel, stride, pads, count_include_pad, dy }) {
    const [height, width] = [boundDim(at(x.type.shape, 2)), boundDim(at(x.type.shape, 3))];
    const attrs = { kernel, stride, pads, count_include_pad, height, width };
    return { x: b.emit("avg_pool_grad", [dy], attrs) };
  },

  flops: ({ x, kernel }) => numelOf(x) * at(kernel, 0) * at(kernel, 1),

  coarse: "AvgPool",
  formulations: [
    {
      name: "kernel",
      onnx: (o, scope) =>
        o.node("AveragePool", [scope.x.name], {
          ...windowOnnx({ ...scope, dilation: [1, 1] }),
          count_include_pad: Number(scope.count_include_pad),
        }),
    },
  ],

  reference(scope) {
    const area = at(scope.kernel, 0) * at(scope.kernel, 1);
    return poolReference(
      scope.x,
      scope,
      (cells) =>
        sumOf(cells.map((cell) => cell.value)) / (scope.count_include_pad ? area : cells.length),
    );
  },

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
      why: "overlapping windows, zeros count",
      x: [
        [
          [
            [1, 2, 5],
            [4, 7, 9],
            [3, 8, 6],
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
      why: "zeros do not count, uneven padding",
      x: [
        [
          [
            [1, 2, 5],
            [4, 7, 9],
            [3, 8, 6],
          ],
        ],
      ],
      kernel: [2, 2],
      stride: [1, 2],
      pads: [1, 0, 0, 1],
      count_include_pad: false,
    },
    {
      why: "one window over everything",
      x: [
        [
          [
            [1, 2],
            [3, 4],
          ],
          [
            [5, 6],
            [7, 9],
          ],
        ],
      ],
      kernel: [2, 2],
      stride: [1, 1],
    },
  ],
});
