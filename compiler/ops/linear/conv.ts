/** Two-dimensional convolution, NCHW. */

import { type Rejection, isRejection, reject } from "../../../grammar/diagnostic.js";
import {
  attributeRange,
  channelsDiffer,
  dimNotNumeric,
  groupsDoNotDivide,
  rankDiffers,
} from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { type Dim, divideExactly, multiplyDims, printDim, sameDim } from "../../ir/dim.js";
import { type TensorType, numelOf, printType, rankOf, tensorType } from "../../ir/type.js";
import { defineOp } from "../define.js";
import { forEachTap } from "../kit/conv-taps.js";
import { countOf } from "../kit/ndarray.js";
import { factors } from "../kit/sharding.js";
import { unfoldingPays } from "../kit/unfolding.js";
import {
  boundDim,
  convAttrs,
  convName,
  convNames,
  kernelOf,
  stepsOf,
  windowOnnx,
  windowSteps,
} from "../kit/window.js";
import { unfoldedConv } from "./conv-unfolded.js";

/** Cross-correlation of `x [N, C, H, W]` with `w [O, C / groups, kh, kw]`; `pads` is top, left, bottom, right. */
export const conv = defineOp({
  name: "conv",
  summary:
    "Cross-correlation of `x [N, C, H, W]` with `w [O, C / groups, kh, kw]`; `pads` is top, left, bottom, right.",
  reason: "ONNX Runtime runs `Conv` as one kernel without unfolding its input.",
  surface: "public",
  inputs: { x: "float", w: "float" },
  attrs: convAttrs,

  infer(scope) {
    const { x, w, groups } = scope;
    const refused = checkShapes(x, w, groups);
    if (refused !== null) return refused;
    const window = { ...scope, kernel: kernelOf(w.shape) };
    const steps = windowSteps([at(x.shape, 2), at(x.shape, 3)], window, {
      kernel: "w",
      dilation: "dilation",
    });
    if (isRejection(steps)) return steps;
    return tensorType(x.dtype, [at(x.shape, 0), at(w.shape, 0), ...steps]);
  },

  // Rows and columns would need halos. Groups tie output to input channels.
  sharding: ({ groups }) =>
    groups === 1
      ? factors("nchw,ocij->noyx", { reduction: "c", replicate: "hwijyx" })
      : factors("nchw,odij->noyx", { replicate: "codhwijyx" }),

  // Both gradients are convolutions of their own: see conv_input_grad and conv_weight_grad.
  vjp(b, { x, w, stride, pads, dilation, groups, dy }) {
    const attrs = { stride, pads, dilation, groups };
    const [height, width] = [boundDim(at(x.type.shape, 2)), boundDim(at(x.type.shape, 3))];
    return {
      x: b.emit("conv_input_grad", [dy, w], { ...attrs, height, width }),
      w: b.emit("conv_weight_grad", [x, dy], { ...attrs, kernel: kernelOf(w.type.shape) }),
    };
  },

  flops(scope) {
    const { x, w } = scope;
    const window = { ...scope, kernel: kernelOf(w.shape) };
    const steps = [stepsOf(at(x.shape, 2), window, 0), stepsOf(at(x.shape, 3), window, 1)];
    return 2 * numelOf(tensorType("f32", [at(x.shape, 0), ...w.shape, ...steps]));
  },

  coarse: {
    names: convNames("Conv"),
    of: ({ w, groups }) => convName("Conv", at(w.shape, 1), groups),
  },
  formulations: [
    {
      // One product for the whole batch, where `Conv` makes one per image with few columns.
      name: "unfolded",
      when: ({ x, w, groups }, target) =>
        target.purpose === "train" &&
        target.device === "cpu" &&
        groups === 1 &&
        unfoldingPays(x.shape, w.shape),
      onnx: unfoldedConv,
    },
    {
      name: "kernel",
      onnx: (o, scope) =>
        o.node("Conv", [scope.x.name, scope.w.name], {
          ...windowOnnx({ ...scope, kernel: kernelOf(scope.w.type.shape) }),
          group: scope.groups,
        }),
    },
  ],

  reference(scope) {
    const { x, w } = scope;
    const window = { ...scope, kernel: kernelOf(w.shape) };
    const [height, width] = [at(x.shape, 2), at(x.shape, 3)];
    const steps = [stepsOf(height, window, 0), stepsOf(width, window, 1)].map(boundDim);
    const shape = [at(x.shape, 0), at(w.shape, 0), ...steps];
    const data = new Float64Array(countOf(shape));
    forEachTap({ x: x.shape, w: w.shape, y: shape }, scope, (i, j, k) => {
      data[k] = (data[k] ?? 0) + (x.data[i] ?? 0) * (w.data[j] ?? 0);
    });
    return { dtype: x.dtype, shape, data };
  },

  samples: [
    {
      why: "a small map of many output channels",
      x: Array.from({ length: 2 }, (_, n) =>
        Array.from({ length: 2 }, (_, c) => [
          [1 + n, c - 2],
          [0.5, n + c],
        ]),
      ),
      w: Array.from({ length: 16 }, (_, o) => [
        [
          [(o % 3) - 1, 1, 0.5],
          [0, (o % 5) - 2, 1],
        ],
        [
          [1, -1, (o % 4) - 1],
          [0.5, 0, 1],
        ],
      ]),
      pads: [1, 0, 0, 1],
    },
    {
      why: "one by one on a small map",
      x: [[[[1, 2]], [[3, -1]]]],
      w: Array.from({ length: 8 }, (_, o) => [[[o - 3]], [[(o % 3) - 1]]]),
    },
    {
      why: "one channel, no padding",
      x: [
        [
          [
            [1, 2, 3],
            [4, 5, 6],
            [7, 8, 9],
          ],
        ],
      ],
      w: [
        [
          [
            [1, 0.5],
            [-1, 2],
          ],
        ],
      ],
    },
    {
      why: "a batch, several channels, padding",
      x: [
        [
          [
            [1, 2, 0],
            [0.5, -1, 3],
            [2, 1, 1],
          ],
          [
            [0, 1, 2],
            [3, -2, 1],
            [0.5, 0.25, 1],
          ],
        ],
        [
          [
            [2, -1, 1],
            [1, 1, 0],
            [0, 2, -3],
          ],
          [
            [1, 0, 1],
            [0, 1, 0],
            [1, -1, 2],
          ],
        ],
      ],
      w: [
        [
          [
            [1, 2, 1],
            [0, 1, 0],
            [-1, 0, 1],
          ],
          [
            [0.5, 0, 1],
            [1, -1, 0],
            [0, 2, 1],
          ],
        ],
        [
          [
            [0, 1, 0],
            [1, -4, 1],
            [0, 1, 0],
          ],
          [
            [1, 1, 1],
            [1, 0, 1],
            [-1, 1, 1],
          ],
        ],
      ],
      pads: [1, 1, 1, 1],
    },
    {
      why: "a stride that leaves a rest, uneven padding",
      x: [
        [
          [
            [1, 2, 3, 4, 5],
            [2, 0, 1, -1, 3],
            [1, 1, 2, 2, 0],
            [0, 3, -2, 1, 1],
          ],
        ],
      ],
      w: [
        [
          [
            [1, -1],
            [2, 0.5],
          ],
        ],
        [
          [
            [0, 1],
            [1, 0],
          ],
        ],
      ],
      stride: [2, 2],
      pads: [1, 0, 0, 1],
    },
    {
      why: "dilation",
      x: [
        [
          [
            [1, 2, 3, 4],
            [5, 6, 7, 8],
            [9, 1, 2, 3],
            [4, 5, 6, 7],
          ],
        ],
      ],
      w: [
        [
          [
            [1, -1],
            [0.5, 2],
          ],
        ],
      ],
      dilation: [2, 2],
    },
    {
      why: "groups, two channels each",
      x: [[[[1, 2]], [[3, 4]], [[5, -6]], [[7, 8]]]],
      w: [
        [[[1]], [[2]]],
        [[[0.5]], [[-1]]],
      ],
      groups: 2,
    },
    {
      why: "depthwise",
      x: [
        [
          [
            [1, 2, 3],
            [4, -5, 6],
          ],
          [
            [0, 1, 0],
            [2, 1, 3],
          ],
        ],
      ],
      w: [
        [
          [
            [1, 2],
            [0.5, -1],
          ],
        ],
        [
          [
            [3, 1],
            [-1, 1],
          ],
        ],
      ],
      groups: 2,
      pads: [0, 1, 1, 0],
    },
    {
      why: "one by one with a stride",
      x: [
        [
          [
            [1, 2, 3],
            [4, 5, 6],
            [7, 8, 9],
          ],
          [
            [1, 0, 2],
            [0, 1, 0],
            [3, 0, 1],
          ],
        ],
      ],
      w: [
        [[[2]], [[-1]]],
        [[[1]], [[0.5]]],
      ],
      stride: [2, 2],
    },
  ],
});

function checkShapes(
  x: TensorType,
  w: TensorType,
  groups: number,
): Rejection<"x" | "w" | "groups"> | null {
  const expected = "four axes";
  if (rankOf(x) !== 4)
    return reject(rankDiffers, { op: "conv", input: "x", expected, actual: printType(x) }, "x");
  if (rankOf(w) !== 4)
    return reject(rankDiffers, { op: "conv", input: "w", expected, actual: printType(w) }, "w");
  const [, , height, width]: readonly (Dim | undefined)[] = w.shape;
  const symbolic = [height, width].find((dim) => typeof dim === "object");
  if (symbolic !== undefined)
    return reject(dimNotNumeric, { op: "conv", dim: printDim(symbolic) }, "w");
  if (groups < 1) {
    const actual = String(groups);
    return reject(
      attributeRange,
      { attribute: "groups", expected: "at least 1", actual },
      "groups",
    );
  }
  const [channels, out] = [at(x.shape, 1), at(w.shape, 0)];
  if (divideExactly(channels, groups) === null)
    return reject(
      groupsDoNotDivide,
      { groups, what: "input", channels: printDim(channels) },
      "groups",
    );
  if (divideExactly(out, groups) === null)
    return reject(groupsDoNotDivide, { groups, what: "output", channels: printDim(out) }, "groups");
  const needed = multiplyDims(at(w.shape, 1), groups);
  if (!sameDim(channels, needed))
    return reject(
      channelsDiffer,
      { input: printType(x), channels: printDim(channels), expected: printDim(needed) },
      "w",
    );
  return null;
}
