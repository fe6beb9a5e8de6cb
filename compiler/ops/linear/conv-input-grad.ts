/** The gradient of a convolution with respect to its input. */

import { reject } from "../../../grammar/diagnostic.js";
import { dimsDiffer } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { type Dim, multiplyDims, printDim, sameDim } from "../../ir/dim.js";
import { type TensorType, numelOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { forEachTap } from "../kit/conv-taps.js";
import { countOf } from "../kit/ndarray.js";
import { factors } from "../kit/sharding.js";
import { unfoldingPays } from "../kit/unfolding.js";
import {
  convAttrs,
  convName,
  convNames,
  kernelOf,
  padsOf,
  reachOf,
  stepsOf,
  windowOnnx,
} from "../kit/window.js";
import { flippedConv, turningSuits } from "./conv-flipped.js";
import { foldedInputGrad } from "./conv-unfolded.js";

/** The gradient of `conv` for an input of `height` x `width`, from the cotangent `g` of its output. */
export const convInputGrad = defineOp({
  name: "conv_input_grad",
  summary:
    "The gradient of `conv` for an input of `height` x `width`, from the cotangent `g` of its output.",
  reason: "ONNX Runtime has fused kernels for both of its forms.",
  surface: "internal",
  inputs: { g: "float", w: "float" },
  attrs: { ...convAttrs, height: attr.int(), width: attr.int() },

  infer(scope) {
    const { g, w, groups, height, width } = scope;
    const window = { ...scope, kernel: kernelOf(w.shape) };
    const steps = [stepsOf(height, window, 0), stepsOf(width, window, 1)];
    for (const [i, step] of steps.entries()) {
      const [left, right] = [at(g.shape, 2 + i), step];
      if (!sameDim(left, right))
        return reject(
          dimsDiffer,
          { what: "output extent of `conv`", left: printDim(left), right: printDim(right) },
          i === 0 ? "height" : "width",
        );
    }
    const channels = multiplyDims(at(w.shape, 1), groups);
    return tensorType(g.dtype, [at(g.shape, 0), channels, height, width]);
  },

  sharding: ({ groups }) =>
    groups === 1
      ? factors("noyx,ocij->nchw", { reduction: "o", replicate: "yxijhw" })
      : factors("noyx,odij->nchw", { replicate: "oyxdijchw" }),

  // Linear in both: dg is the convolution itself, dw has the cotangent in the input's place.
  vjp(b, { g, w, stride, pads, dilation, groups, dy }) {
    const attrs = { stride, pads, dilation, groups };
    return {
      g: b.emit("conv", [dy, w], attrs),
      w: b.emit("conv_weight_grad", [dy, g], { ...attrs, kernel: kernelOf(w.type.shape) }),
    };
  },

  flops: ({ g, w }) => 2 * numelOf(tensorType("f32", [at(g.shape, 0), ...w.shape, ...lastTwo(g)])),

  coarse: {
    names: convNames("ConvInputGrad"),
    of: ({ w, groups }) => convName("ConvInputGrad", at(w.shape, 1), groups),
  },
  formulations: [
    {
      // A convolution with the weight turned around; fastest on large maps and for groups.
      name: "flipped-conv",
      when: turningSuits,
      onnx: flippedConv,
    },
    {
      // One product for the whole batch, where `ConvTranspose` makes one per image with few columns.
      name: "folded",
      when: ({ w, groups, height, width }, target) =>
        target.device === "cpu" && groups === 1 && unfoldingPays([height, width], w.shape),
      onnx: foldedInputGrad,
    },
    {
      name: "conv-transpose",
      onnx(o, scope) {
        const window = { ...scope, kernel: kernelOf(scope.w.type.shape) };
        const rest = ([0, 1] as const).map((axis) => {
          const { before, after } = padsOf(window, axis);
          const extent = axis === 0 ? scope.height : scope.width;
          return (extent + before + after - reachOf(window, axis)) % at(scope.stride, axis);
        });
        return o.node("ConvTranspose", [scope.g.name, scope.w.name], {
          ...windowOnnx(window),
          output_padding: rest,
          group: scope.groups,
        });
      },
    },
  ],

  reference(scope) {
    const { g, w, groups, height, width } = scope;
    const shape = [at(g.shape, 0), at(w.shape, 1) * groups, height, width];
    const data = new Float64Array(countOf(shape));
    forEachTap({ x: shape, w: w.shape, y: g.shape }, scope, (i, j, k) => {
      data[i] = (data[i] ?? 0) + (w.data[j] ?? 0) * (g.data[k] ?? 0);
    });
    return { dtype: g.dtype, shape, data };
  },

  samples: [
    {
      why: "a small map of many output channels, a stride that leaves a rest",
      g: Array.from({ length: 2 }, (_, n) =>
        Array.from({ length: 24 }, (_, o) => [[((n + o) % 5) - 2], [((n * o) % 7) - 3]]),
      ),
      w: Array.from({ length: 24 }, (_, o) => [
        [
          [(o % 3) - 1, 1, 0.5],
          [0, (o % 5) - 2, 1],
        ],
        [
          [1, -1, (o % 4) - 1],
          [0.5, 0, 1],
        ],
      ]),
      stride: [2, 1],
      pads: [1, 0, 0, 1],
      height: 3,
      width: 2,
    },
    {
      why: "padding, several channels",
      g: [
        [
          [
            [1, 2],
            [3, -4],
          ],
          [
            [0.5, 1],
            [-1, 2],
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
      height: 2,
      width: 2,
    },
    {
      why: "a stride that leaves a rest, uneven padding",
      g: [
        [
          [
            [1, 2, 3],
            [4, 5, 6],
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
      ],
      stride: [2, 2],
      pads: [1, 0, 0, 1],
      height: 4,
      width: 6,
    },
    {
      why: "a large map",
      g: [
        [Array.from({ length: 20 }, (_, i) => Array.from({ length: 21 }, (_, j) => (i * j) % 5))],
      ],
      w: [
        [
          [
            [1, -1, 0.5],
            [2, 0.5, 1],
          ],
        ],
      ],
      pads: [0, 1, 1, 1],
      height: 20,
      width: 21,
    },
    {
      why: "depthwise",
      g: [
        [
          [
            [1, 2],
            [3, 4],
          ],
          [
            [-1, 0.5],
            [2, 1],
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
      height: 3,
      width: 3,
    },
    {
      why: "two groups of two channels, dilation",
      g: [[[[1, 2]], [[3, 4]], [[-1, 2]], [[0.5, 1]]]],
      w: [
        [[[1, 2]], [[-1, 1]]],
        [[[2, 0]], [[1, 3]]],
        [[[1, 1]], [[0, 1]]],
        [[[2, 1]], [[-2, 1]]],
      ],
      groups: 2,
      dilation: [1, 2],
      height: 1,
      width: 4,
    },
  ],
});

const lastTwo = (x: TensorType): readonly Dim[] => x.shape.slice(-2);
