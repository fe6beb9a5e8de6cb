/** The cases of single ops that are compared with their twins in PyTorch. */

import type { Attrs } from "../compiler/ir/graph.js";

/**
 * Numbers of a normal distribution; such that are positive, or that some are NaN among; integers from 0
 * on; integers of both signs without 0; truths.
 */
export type InputKind = "floats" | "positive" | "holes" | "indices" | "signed" | "truths";

/** An op on inputs of these shapes; `classes` draws an integer input below it. */
export interface OpCase {
  readonly op: string;
  readonly inputs: readonly (readonly number[])[];
  readonly attrs?: Attrs;
  /** Integers lie below it; without kinds, those of the last input, and floats in all others. */
  readonly classes?: number;
  readonly kinds?: readonly InputKind[];
}

const conv = (x: readonly number[], w: readonly number[], attrs: Attrs): OpCase => ({
  op: "conv",
  inputs: [x, w],
  attrs,
});
const transposed = (x: readonly number[], w: readonly number[], attrs: Attrs): OpCase => ({
  op: "conv_transpose",
  inputs: [x, w],
  attrs,
});
const ones = [1, 1, 1, 1];

export const opCases: readonly OpCase[] = [
  { op: "relu", inputs: [[5, 7, 3]] },
  { op: "softplus", inputs: [[5, 7, 3]] },
  { op: "sigmoid", inputs: [[5, 7, 3]] },
  { op: "tanh", inputs: [[5, 7, 3]] },
  { op: "erf", inputs: [[5, 7, 3]] },
  {
    op: "matmul",
    inputs: [
      [6, 20],
      [20, 9],
    ],
  },
  {
    op: "matmul",
    inputs: [
      [3, 6, 20],
      [3, 20, 9],
    ],
  },
  {
    op: "matmul",
    inputs: [
      [3, 6, 20],
      [20, 9],
    ],
  },
  {
    op: "mul",
    inputs: [
      [4, 1, 5],
      [3, 1],
    ],
  },
  { op: "div", inputs: [[4, 3, 5], [5]] },
  { op: "sum", inputs: [[4, 3, 5]], attrs: { axes: [0, 2], keep: false } },
  { op: "mean", inputs: [[4, 3, 5]], attrs: { axes: [1], keep: true } },
  { op: "amax", inputs: [[4, 3, 5]], attrs: { axes: [2], keep: false } },
  { op: "logsumexp", inputs: [[4, 3, 5]], attrs: { axis: 2, keep: false } },
  { op: "softmax", inputs: [[6, 11]], attrs: { axis: 1 } },
  { op: "log_softmax", inputs: [[6, 11]], attrs: { axis: 1 } },
  { op: "softmax_cross_entropy", inputs: [[6, 11], [6]], classes: 11 },
  { op: "slice", inputs: [[4, 9, 5]], attrs: { axis: 1, from: 2, to: 9, step: 3 } },
  { op: "pad", inputs: [[4, 9, 5]], attrs: { before: [0, 2, 0], after: [1, 0, 3] } },
  {
    op: "concat",
    inputs: [
      [4, 2, 5],
      [4, 3, 5],
    ],
    attrs: { axis: 1 },
  },
  { op: "transpose", inputs: [[4, 2, 5]], attrs: { order: [2, 0, 1] } },
  conv([2, 3, 32, 32], [8, 3, 7, 7], { stride: [2, 2], pads: [3, 3, 3, 3] }),
  conv([2, 8, 30, 30], [6, 8, 3, 3], { pads: ones }),
  conv([2, 8, 14, 14], [6, 8, 3, 3], { pads: ones }),
  conv([2, 8, 4, 4], [6, 8, 3, 3], { pads: ones }),
  conv([2, 8, 15, 14], [6, 8, 3, 3], { stride: [2, 2], pads: ones }),
  conv([2, 8, 15, 14], [6, 8, 1, 1], { stride: [2, 2] }),
  conv([2, 8, 15, 14], [6, 8, 1, 1], {}),
  conv([2, 8, 13, 12], [6, 8, 3, 3], { pads: [2, 2, 2, 2], dilation: [2, 2] }),
  conv([2, 8, 13, 12], [12, 2, 3, 3], { pads: ones, groups: 4 }),
  conv([2, 8, 13, 12], [8, 1, 3, 3], { pads: ones, groups: 8 }),
  conv([2, 8, 13, 12], [12, 4, 3, 2], { stride: [2, 3], pads: [1, 0, 1, 0], groups: 2 }),
  conv([2, 8, 13, 12], [6, 8, 3, 4], { stride: [2, 1], pads: [0, 2, 1, 1], dilation: [1, 2] }),
  {
    op: "max_pool",
    inputs: [[2, 3, 16, 16]],
    attrs: { kernel: [3, 3], stride: [2, 2], pads: ones },
  },
  { op: "max_pool", inputs: [[2, 3, 16, 16]], attrs: { kernel: [2, 2], stride: [2, 2] } },
  { op: "avg_pool", inputs: [[2, 3, 16, 16]], attrs: { kernel: [2, 2], stride: [2, 2] } },
  { op: "avg_pool", inputs: [[2, 3, 17, 16]], attrs: { kernel: [3, 3], stride: [2, 2] } },
  { op: "batch_norm", inputs: [[4, 5, 6, 7], [5], [5]], attrs: { eps: 1e-5 } },
  { op: "batch_norm", inputs: [[8, 16, 28, 28], [16], [16]], attrs: { eps: 1e-3 } },
  ...["gelu", "silu", "elu", "hardsigmoid", "hardswish", "expm1"].map((op) => ({
    op,
    inputs: [[5, 7, 3]],
    attrs: {},
  })),
  { op: "gelu", inputs: [[5, 7, 3]], attrs: { approximate: "tanh" } },
  { op: "leaky_relu", inputs: [[5, 7, 3]], attrs: { slope: 0.2 } },
  { op: "elu", inputs: [[5, 7, 3]], attrs: { alpha: 0.7 } },
  { op: "clip", inputs: [[5, 7, 3]], attrs: { low: -0.5, high: 1 } },
  { op: "amin", inputs: [[4, 3, 5]], attrs: { axes: [0, 2], keep: false } },
  { op: "var", inputs: [[4, 3, 5]], attrs: { axes: [0, 2], keep: false, correction: 1 } },
  { op: "var", inputs: [[4, 3, 5]], attrs: { axes: [1], keep: true, correction: 0 } },
  { op: "prod", inputs: [[4, 3, 5]], attrs: { axes: [1], keep: false } },
  { op: "cumsum", inputs: [[4, 3, 5]], attrs: { axis: 1 } },
  { op: "top_k", inputs: [[4, 9, 5]], attrs: { k: 4, axis: 1 } },
  { op: "matmul", inputs: [[3, 6, 20], [20]] },
  { op: "matmul", inputs: [[20], [20, 6]] },
  { op: "matmul", inputs: [[20], [20]] },
  { op: "tile", inputs: [[4, 3]], attrs: { repeats: [2, 3] } },
  { op: "flip", inputs: [[4, 3, 5]], attrs: { axes: [0, 2] } },
  { op: "roll", inputs: [[4, 9]], attrs: { shift: -4, axis: 1 } },
  ...["edge", "reflect", "circular"].map((mode) => ({
    op: "pad",
    inputs: [[2, 3, 6, 5]],
    attrs: { before: [0, 0, 2, 1], after: [0, 0, 1, 4], mode },
  })),
  {
    op: "gather",
    inputs: [
      [9, 4],
      [3, 5],
    ],
    attrs: { axis: 0 },
    classes: 9,
  },
  { op: "gather", inputs: [[4, 9, 2], [5]], attrs: { axis: 1 }, classes: 9 },
  {
    op: "take_along",
    inputs: [
      [4, 9],
      [4, 3],
    ],
    attrs: { axis: 1 },
    classes: 9,
  },
  { op: "softmax_cross_entropy", inputs: [[6, 5], [6]], attrs: { smoothing: 0.1 }, classes: 5 },
  {
    op: "softmax_cross_entropy",
    inputs: [
      [4, 6, 5],
      [4, 6],
    ],
    attrs: { smoothing: 0.2, weights: [1, 0.5, 2, 3, 0], ignore: 2 },
    classes: 5,
  },
  transposed([2, 6, 5, 4], [6, 4, 2, 2], { stride: [2, 2] }),
  transposed([2, 6, 5, 4], [6, 2, 3, 3], {
    stride: [2, 2],
    pads: ones,
    output_pad: [1, 1],
    groups: 3,
  }),
  transposed([2, 6, 22, 20], [6, 4, 3, 3], { pads: ones }),
  transposed([2, 6, 5, 4], [6, 4, 3, 2], { stride: [3, 2], dilation: [2, 1] }),
  { op: "adaptive_avg_pool", inputs: [[2, 3, 7, 5]], attrs: { height: 3, width: 2 } },
  { op: "adaptive_avg_pool", inputs: [[2, 3, 7, 8]], attrs: { height: 1, width: 1 } },
  ...[false, true].flatMap((align_corners) =>
    (align_corners ? ["bilinear", "bicubic"] : ["nearest", "bilinear", "bicubic"]).flatMap((mode) =>
      [
        [9, 13],
        [4, 3],
        [1, 8],
      ].map(([height = 1, width = 1]) => ({
        op: "resize",
        inputs: [[2, 3, 6, 5]],
        attrs: { height, width, mode, align_corners },
      })),
    ),
  ),
  { op: "layer_norm", inputs: [[4, 6, 8], [8], [8]], attrs: { eps: 1e-5 } },
  {
    op: "layer_norm",
    inputs: [
      [4, 6, 8],
      [6, 8],
      [6, 8],
    ],
    attrs: { eps: 1e-6 },
  },
  { op: "rms_norm", inputs: [[4, 6, 8], [8]], attrs: { eps: 1e-6 } },
  { op: "group_norm", inputs: [[4, 6, 5, 3], [6], [6]], attrs: { groups: 3, eps: 1e-5 } },
  { op: "group_norm", inputs: [[4, 6, 7], [6], [6]], attrs: { groups: 6, eps: 1e-5 } },
  {
    op: "lstm_cell",
    inputs: [
      [5, 12],
      [5, 3],
    ],
  },
  ...[false, true].map((causal) => ({
    op: "scaled_dot_product",
    inputs: [
      [2, 3, 7, 8],
      [2, 3, 7, 8],
      [2, 3, 7, 5],
    ],
    attrs: { scale: 0.3, causal },
  })),
  {
    op: "scaled_dot_product_biased",
    inputs: [
      [2, 3, 7, 8],
      [2, 3, 9, 8],
      [2, 3, 9, 5],
      [3, 1, 9],
    ],
    attrs: { scale: 0.3 },
  },
  {
    op: "batch_norm_inference",
    inputs: [[4, 5, 6, 7], [5], [5], [5], [5]],
    attrs: { eps: 1e-3 },
    kinds: ["floats", "floats", "floats", "floats", "positive"],
  },
  { op: "isnan", inputs: [[5, 7, 3]], kinds: ["holes"] },
  { op: "mod", inputs: [[5, 7], [7]], classes: 6, kinds: ["signed", "signed"] },
  ...["equal", "not_equal"].map((op): OpCase => ({
    op,
    inputs: [
      [5, 1, 7],
      [6, 7],
    ],
    classes: 3,
    kinds: ["indices", "indices"],
  })),
  ...["any", "all"].flatMap((op): readonly OpCase[] => [
    { op, inputs: [[9, 2, 3]], attrs: { axes: [2], keep: true }, kinds: ["truths"] },
    { op, inputs: [[9, 2, 2]], attrs: { axes: [0, 2], keep: false }, kinds: ["truths"] },
  ]),
  ...["scatter_min", "scatter_max"].map((op): OpCase => ({
    op,
    inputs: [[20], [20, 4]],
    attrs: { size: 3 },
    classes: 3,
    kinds: ["indices", "floats"],
  })),
  { op: "one_hot", inputs: [[4, 5]], attrs: { depth: 6 }, classes: 6 },
  { op: "cast", inputs: [[4, 5]], attrs: { dtype: "f32" }, classes: 9 },
  { op: "cast", inputs: [[4, 5]], attrs: { dtype: "i64" } },
  { op: "cast", inputs: [[4, 5]], attrs: { dtype: "f32" }, kinds: ["truths"] },
  { op: "iota", inputs: [], attrs: { size: 7, dtype: "f32" } },
  { op: "iota", inputs: [], attrs: { size: 300 } },
  { op: "vector", inputs: [], attrs: { values: [3, -1, 0.5] } },
  { op: "constant", inputs: [], attrs: { value: 2.5, dtype: "f32", shape: [2, 3] } },
  {
    op: "row_product",
    inputs: [
      [20, 6],
      [20, 9],
    ],
  },
  { op: "gemm_bias", inputs: [[4, 6, 5], [5, 7], [7]], attrs: { activation: "relu" } },
  { op: "gemm_residual", inputs: [[4, 6, 5], [5, 7], [7], [4, 6, 7]] },
  { op: "after", inputs: [[4, 5], [3]] },
];
