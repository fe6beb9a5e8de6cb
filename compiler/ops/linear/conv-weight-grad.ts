/** The gradient of a convolution with respect to its weight. */

import { reject } from "../../../grammar/diagnostic.js";
import { channelsDiffer, dimsDiffer } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { type Dim, divideExactly, printDim, sameDim } from "../../ir/dim.js";
import { numelOf, printType, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { forEachTap } from "../kit/conv-taps.js";
import { countOf } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { factors } from "../kit/sharding.js";
import { unfoldingPays } from "../kit/unfolding.js";
import { boundDim, convAttrs, stepsOf, convName, convNames } from "../kit/window.js";
import {
  byRowProducts,
  pointwise,
  swappedAxes,
  tapProducts,
  unfolded,
} from "./conv-weight-grad-forms.js";
import { unfoldedWeightGrad } from "./conv-unfolded.js";

/** Up to so many input channels a product per kernel element has too few rows. */
const fewChannels = 4;
/** From this kernel area on, unfolding few channels costs more than a convolution over the maps. */
const largeKernel = 25;
/** From this output map on, one product per kernel element beats one large product. */
const largeMap = 784;

/** Beyond this output map the constants of products of rows are large, and their work grows with its side. */
const largestMap = 56 * 56;

/** The gradient of `conv` for a weight of `kernel`, from its input and the cotangent `g` of its output. */
export const convWeightGrad = defineOp({
  name: "conv_weight_grad",
  summary:
    "The gradient of `conv` for a weight of `kernel`, from its input and the cotangent `g` of its output.",
  reason:
    "Its fastest form depends on the shape; all of them are matrix products or a convolution.",
  surface: "internal",
  inputs: { x: "float", g: "float" },
  attrs: { ...convAttrs, kernel: attr.ints(2) },

  infer(scope) {
    const { x, g, groups, kernel } = scope;
    for (const axis of [0, 1] as const) {
      const [left, right] = [at(g.shape, axis + 2), stepsOf(at(x.shape, axis + 2), scope, axis)];
      if (!sameDim(left, right))
        return reject(
          dimsDiffer,
          { what: "output extent of `conv`", left: printDim(left), right: printDim(right) },
          "g",
        );
    }
    const perGroup = divideExactly(at(x.shape, 1), groups);
    if (perGroup === null) {
      const channels = printDim(at(x.shape, 1));
      const expected = `a multiple of ${groups}`;
      return reject(channelsDiffer, { input: printType(x), channels, expected }, "x");
    }
    return tensorType(x.dtype, [at(g.shape, 1), perGroup, ...kernel]);
  },

  sharding: ({ groups }) =>
    groups === 1
      ? factors("nchw,noyx->ocij", { reduction: "n", replicate: "hwyxij" })
      : factors("nchw,noyx->odij", { reduction: "n", replicate: "chwoyxdij" }),

  // Linear in both, with the cotangent in the weight's place.
  vjp(b, { x, g, stride, pads, dilation, groups, dy }) {
    const attrs = { stride, pads, dilation, groups };
    const [height, width] = [boundDim(at(x.type.shape, 2)), boundDim(at(x.type.shape, 3))];
    return {
      x: b.emit("conv_input_grad", [g, dy], { ...attrs, height, width }),
      g: b.emit("conv", [x, dy], attrs),
    };
  },

  flops: ({ x, g, kernel, groups }) =>
    (2 * numelOf(tensorType("f32", [...g.shape, at(x.shape, 1), ...kernel]))) / groups,

  coarse: {
    names: convNames("ConvWeightGrad"),
    of: ({ x, groups }) =>
      convName("ConvWeightGrad", divideExactly(at(x.shape, 1), groups), groups),
  },
  formulations: [
    {
      name: "pointwise",
      when: ({ groups, kernel, pads }) =>
        groups === 1 && kernel.every((k) => k === 1) && pads.every((p) => p === 0),
      onnx: pointwise,
    },
    {
      name: "swapped-axes",
      when: ({ x, groups, kernel }) =>
        groups === 1 &&
        boundDim(at(x.shape, 1)) <= fewChannels &&
        at(kernel, 0) * at(kernel, 1) >= largeKernel,
      onnx: swappedAxes,
    },
    {
      name: "unfolded-by-product",
      when: ({ x, g, groups }, target) =>
        target.device === "cpu" && groups === 1 && unfoldingPays(x.shape, [at(g.shape, 1)]),
      onnx: unfoldedWeightGrad,
    },
    {
      name: "unfolded",
      when: ({ x, g, groups, stride }) =>
        groups === 1 &&
        (boundDim(at(x.shape, 1)) <= fewChannels ||
          stride.some((step) => step > 1) ||
          mapOf(g.shape) < largeMap),
      onnx: unfolded,
    },
    {
      name: "row-products",
      when: ({ x, g, groups, kernel, stride }, target) =>
        target.device === "cpu" &&
        [at(x.shape, 1), at(g.shape, 1)].every((channels) => boundDim(channels) === groups) &&
        (mapOf(g.shape) <= largeMap ||
          (mapOf(g.shape) <= largestMap &&
            (at(kernel, 0) * at(kernel, 1) >= largeKernel || stride.some((step) => step > 1)))),
      onnx: byRowProducts,
    },
    { name: "taps", onnx: tapProducts },
  ],

  reference(scope) {
    const { x, g, groups, kernel } = scope;
    const shape = [at(g.shape, 1), at(x.shape, 1) / groups, ...kernel];
    const data = new Float64Array(countOf(shape));
    forEachTap({ x: x.shape, w: shape, y: g.shape }, scope, (i, j, k) => {
      data[j] = (data[j] ?? 0) + (x.data[i] ?? 0) * (g.data[k] ?? 0);
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
      g: Array.from({ length: 2 }, (_, n) =>
        Array.from({ length: 16 }, (_, o) => [
          [((n + o) % 5) - 2, 1],
          [(o % 3) - 1, ((n * o) % 7) - 3],
        ]),
      ),
      pads: [1, 0, 0, 1],
      kernel: [2, 2],
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
      g: [
        [
          [
            [1, 2, 3],
            [0, 1, -1],
            [2, 0.5, 1],
          ],
        ],
        [
          [
            [0.5, 1, 0],
            [1, -2, 1],
            [3, 1, 0],
          ],
        ],
      ],
      pads: [1, 1, 1, 1],
      kernel: [3, 3],
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
      g: [
        [
          [
            [1, 2, 0],
            [0.5, -1, 1],
          ],
          [
            [0, 1, 3],
            [1, 2, -1],
          ],
        ],
      ],
      stride: [2, 2],
      pads: [1, 0, 0, 1],
      kernel: [2, 2],
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
          [
            [0, 1],
            [1, 0],
          ],
        ],
      ],
      stride: [2, 2],
      kernel: [1, 1],
    },
    {
      why: "few channels, a large kernel, a stride that leaves a rest",
      x: [
        [
          Array.from({ length: 14 }, (_, i) =>
            Array.from({ length: 14 }, (_, j) => ((i * j) % 7) - 3),
          ),
        ],
      ],
      g: [
        [
          Array.from({ length: 6 }, (_, i) =>
            Array.from({ length: 5 }, (_, j) => ((i + j) % 5) - 2),
          ),
        ],
      ],
      stride: [2, 2],
      pads: [1, 0, 0, 1],
      kernel: [5, 6],
    },
    {
      why: "a large map of more channels",
      x: [
        Array.from({ length: 5 }, (_, c) =>
          Array.from({ length: 28 }, (_, i) =>
            Array.from({ length: 28 }, (_, j) => ((c + i * j) % 3) - 1),
          ),
        ),
      ],
      g: [
        [
          Array.from({ length: 28 }, (_, i) =>
            Array.from({ length: 28 }, (_, j) => ((i + j) % 5) - 2),
          ),
        ],
      ],
      pads: [1, 0, 0, 0],
      kernel: [2, 1],
    },
    {
      why: "two groups of two channels, dilation",
      x: [[[[1, 2, 3, 4]], [[0, 1, -1, 2]], [[2, 1, 0, 1]], [[3, -2, 1, 1]]]],
      g: [[[[1, 2]], [[3, 4]], [[-1, 2]], [[0.5, 1]]]],
      groups: 2,
      dilation: [1, 2],
      kernel: [1, 2],
    },
    {
      why: "a channel per group, padding, a stride along rows",
      x: sampleArray([2, 3, 4, 6]),
      g: sampleArray([2, 3, 4, 3], 1),
      groups: 3,
      stride: [1, 2],
      pads: [1, 0, 1, 1],
      kernel: [3, 2],
    },
  ],
});

const mapOf = (shape: readonly Dim[]): number => boundDim(at(shape, 2)) * boundDim(at(shape, 3));
