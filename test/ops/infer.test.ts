/** Typing of single applications: symbolic shapes, attributes, refusals. */

import { describe, expect, it } from "vitest";
import { isRejection } from "../../grammar/diagnostic.js";
import { type Dim, multiplyDims, namedDim } from "../../compiler/ir/dim.js";
import { type DType, printType, tensorType } from "../../compiler/ir/type.js";
import { opNamed } from "../../compiler/ops/index.js";
import { inferOp } from "../../compiler/ops/kit/infer-op.js";

const B = namedDim("B");
const H = namedDim("H");
const f32 = (...shape: Dim[]) => tensorType("f32", shape);
const of = (dtype: DType, ...shape: Dim[]) => tensorType(dtype, shape);

type Types = readonly ReturnType<typeof f32>[];
type Row = readonly [op: string, inputs: Types, attrs: Record<string, unknown>, result: string];

/** The outputs, or `code @ blame: message`. */
function check(op: string, inputs: Types, attrs: Record<string, unknown>): string {
  const result = inferOp(opNamed(op), inputs, attrs);
  if (!isRejection(result)) return result.outputs.map(printType).join(", ");
  const { code, message } = result.diagnose(null);
  return `${code} @ ${result.blame}: ${message}`;
}

const typed: readonly Row[] = [
  ["add", [f32(B, 4), f32(4)], {}, "f32[B, 4]"],
  ["add", [f32(B, 1), f32(1, H)], {}, "f32[B, H]"],
  ["matmul", [f32(B, 2, 784), f32(784, 10)], {}, "f32[B, 2, 10]"],
  ["conv", [f32(B, 3, 64, 64), f32(16, 3, 7, 7)], { stride: 2, pads: 3 }, "f32[B, 16, 32, 32]"],
  ["conv", [f32(B, 3, H, 8), f32(4, 3, 3, 3)], { pads: 1 }, "f32[B, 4, H, 8]"],
  ["conv", [f32(B, 3, H, 8), f32(4, 3, 3, 3)], { stride: 2, pads: 1 }, "f32[B, 4, ceil(H / 2), 4]"],
  ["max_pool", [f32(B, 3, 9, 9)], { kernel: 3, stride: 2, pads: 1 }, "f32[B, 3, 5, 5]"],
  ["flatten", [f32(B, 4, H, H)], {}, "f32[B, 4 * H * H]"],
  ["reshape", [f32(B, 4, H)], { shape: [multiplyDims(B, H), 4] }, "f32[B * H, 4]"],
  ["expand", [f32(1, 4)], { shape: [B, 4] }, "f32[B, 4]"],
  ["concat", [f32(B, 2), f32(B, 3)], { axis: -1 }, "f32[B, 5]"],
  ["concat", [f32(B, 2), f32(H, 2)], {}, "f32[B + H, 2]"],
  ["sum", [f32(B, 4, 5)], { axes: [-1, 1] }, "f32[B]"],
  ["mean", [f32(B, 4)], {}, "f32[]"],
  ["argmax", [f32(B, 10)], {}, "i64[B]"],
  ["transpose", [f32(B, 2, H)], {}, "f32[H, 2, B]"],
  ["softmax_cross_entropy", [f32(B, 10), of("i64", B)], {}, "f32[B]"],
  ["one_hot", [of("u8", B)], { depth: 10 }, "f32[B, 10]"],
  ["batch_norm", [f32(B, 4, 2, 2), f32(4), f32(4)], {}, "f32[B, 4, 2, 2], f32[4], f32[4]"],
  ["where", [of("bool", B), of("i64", B), of("i64")], {}, "i64[B]"],
  ["less", [f32(B), f32()], {}, "bool[B]"],
  ["matmul", [f32(B, 4), f32(4)], {}, "f32[B]"],
  ["matmul", [f32(4), f32(B, 4, 2)], {}, "f32[B, 2]"],
  ["slice", [f32(B, H)], { axis: 1, from: 1, to: -1 }, "f32[B, H - 2]"],
  ["split", [f32(B, 6)], { sizes: [2, 4] }, "f32[B, 2], f32[B, 4]"],
  ["stack", [f32(B, 2), f32(B, 2)], { axis: 1 }, "f32[B, 2, 2]"],
  ["tile", [f32(B, 2)], { repeats: [2, 3] }, "f32[2 * B, 6]"],
  ["gather", [f32(9, 4), of("i64", B, H)], {}, "f32[B, H, 4]"],
  ["take_along", [f32(B, 4), of("u8", B, 1)], {}, "f32[B, 1]"],
  ["scatter_add", [of("i64", B), f32(B, 4)], { size: 3 }, "f32[3, 4]"],
  ["top_k", [f32(B, 9)], { k: 2 }, "f32[B, 2], i64[B, 2]"],
  ["iota", [], { size: 4 }, "i64[4]"],
  ["vector", [], { values: [1, 2] }, "f32[2]"],
  ["expand_like", [f32(4), f32(B, 4)], {}, "f32[B, 4]"],
  ["var", [f32(B, 4)], { axes: [0], correction: 0 }, "f32[4]"],
  ["resize", [f32(B, 3, 4, 4)], { height: 8, width: 2 }, "f32[B, 3, 8, 2]"],
  ["adaptive_avg_pool", [f32(B, 3, 7, 7)], { height: 2, width: 2 }, "f32[B, 3, 2, 2]"],
  ["layer_norm", [f32(B, H, 8), f32(8), f32(8)], {}, "f32[B, H, 8]"],
  ["group_norm", [f32(B, 8, H), f32(8), f32(8)], { groups: 4 }, "f32[B, 8, H]"],
  ["conv_transpose", [f32(B, 4, H, 5), f32(4, 2, 2, 2)], { stride: 2 }, "f32[B, 2, 2 * H, 10]"],
  [
    "scaled_dot_product",
    [f32(B, H, 8), f32(B, 5, 8), f32(B, 5, 4)],
    { scale: 1 },
    "f32[B, H, 4], f32[B, H, 5]",
  ],
];

const refused: readonly Row[] = [
  [
    "var",
    [f32(B, 4)],
    { axes: [0] },
    "shape/dim-not-numeric @ axes: `var` needs a number here, `B` is symbolic",
  ],
  [
    "split",
    [f32(B, 6)],
    { sizes: [2, 3] },
    "shape/dims-differ @ sizes: the sizes and axis 1: 5 is not equal to 6",
  ],
  [
    "stack",
    [f32(2), f32(3)],
    {},
    "shape/attribute-range @ xs: `xs` must be of the shape of f32[2], this is f32[3]",
  ],
  ["top_k", [f32(3)], { k: 4 }, "shape/attribute-range @ k: `k` must be from 1 to 3, this is 4"],
  [
    "pad",
    [f32(3)],
    { before: 3, after: 0, mode: "reflect" },
    "shape/attribute-range @ before: `before` must be smaller than the extents, to be reflected, this is [3]",
  ],
  [
    "layer_norm",
    [f32(B, 8), f32(4), f32(8)],
    {},
    "shape/attribute-range @ scale: `scale` must be of the shape [8], this is f32[4]",
  ],
  [
    "group_norm",
    [f32(B, 8), f32(8), f32(8)],
    { groups: 3 },
    "shape/groups-do-not-divide @ groups: 8 input channels do not split into 3 groups",
  ],
  [
    "scatter_add",
    [of("i64", 3), f32(4, 2)],
    { size: 3 },
    "shape/dims-differ @ updates: axis 0 of index and updates: 3 is not equal to 4",
  ],
  [
    "resize",
    [f32(B, 3, H, 4)],
    { height: 8, width: 2 },
    "shape/dim-not-numeric @ x: `resize` needs a number here, `H` is symbolic",
  ],
  [
    "conv_transpose",
    [f32(1, 4, 5, 5), f32(4, 2, 2, 2)],
    { stride: 2, output_pad: 2 },
    "shape/attribute-range @ output_pad: `output_pad` must be from 0 to 1, this is [2, 2]",
  ],
  [
    "scaled_dot_product",
    [f32(B, 4, 8), f32(B, 5, 6), f32(B, 5, 4)],
    { scale: 1 },
    "shape/contracted-dims-differ @ k: cannot contract 8 with 6",
  ],
  [
    "softmax_cross_entropy",
    [f32(2, 3), of("i64", 2)],
    { weights: [1, 2] },
    "shape/attribute-range @ weights: `weights` must be a list of 3 numbers, this is a list of 2",
  ],
  [
    "add",
    [f32(B, 4), f32(10, 4)],
    {},
    "shape/not-broadcastable @ b: cannot broadcast f32[B, 4] with f32[10, 4]",
  ],
  ["add", [f32(2), of("i64", 2)], {}, "shape/dtypes-differ @ b: `a` is f32[2] but `b` is i64[2]"],
  ["exp", [of("i64", 2)], {}, "shape/dtype-class @ x: `exp` needs a float for `x`, this is i64[2]"],
  ["exp", [], {}, "shape/input-count @ x: `exp` takes 1 tensor (`x`), this call has 0"],
  ["add", [f32(2)], {}, "shape/input-count @ b: `add` takes 2 tensors (`a`, `b`), this call has 1"],
  [
    "matmul",
    [f32(B, 784), f32(128, 10)],
    {},
    "shape/contracted-dims-differ @ b: cannot contract 784 with 128",
  ],
  [
    "matmul",
    [f32(), f32(4, 2)],
    {},
    "shape/rank @ a: `matmul` needs at least one axis for `a`, this is f32[]",
  ],
  [
    "softmax",
    [f32(2, 3)],
    { axis: 2 },
    "shape/axis-out-of-range @ axis: axis 2 is outside of f32[2, 3], which has 2 axes",
  ],
  [
    "softmax",
    [f32(2)],
    { axis: 0.5 },
    "shape/attribute-kind @ axis: `axis` must be an axis, this is 0.5",
  ],
  [
    "softmax",
    [f32(2)],
    { axes: 0 },
    "shape/attribute-unknown @ axes: `softmax` has no attribute `axes`",
  ],
  ["sum", [f32(2, 3)], { axes: [0, -2] }, "shape/axis-repeated @ axes: axis -2 is named twice"],
  [
    "sum",
    [f32(2)],
    { keep: 1 },
    "shape/attribute-kind @ keep: `keep` must be `true` or `false`, this is 1",
  ],
  ["cast", [f32(2)], {}, "shape/attribute-missing @ dtype: `cast` needs a value for `dtype`"],
  [
    "cast",
    [f32(2)],
    { dtype: "f31" },
    "shape/attribute-kind @ dtype: `dtype` must be a dtype (f32, f16, bf16, f64, i32, i64, u8, bool), this is `f31`",
  ],
  [
    "conv",
    [f32(1, 3, 4, 4), f32(2, 4, 3, 3)],
    {},
    "shape/channels-differ @ w: f32[1, 3, 4, 4] has 3 channels, 4 are needed",
  ],
  [
    "conv",
    [f32(1, 3, 4, 4), f32(2, 1, 3, 3)],
    { groups: 2 },
    "shape/groups-do-not-divide @ groups: 3 input channels do not split into 2 groups",
  ],
  [
    "conv",
    [f32(1, 3, 4, 4), f32(2, 3, 5, 5)],
    {},
    "shape/window-larger-than-input @ w: a window of 5 does not fit into a padded extent of 4",
  ],
  [
    "conv",
    [f32(1, 3, 4, 4), f32(2, 3, 1, 1)],
    { stride: 0 },
    "shape/attribute-range @ stride: `stride` must be at least 1, this is [0, 0]",
  ],
  [
    "conv",
    [f32(1, 3, 4, 4), f32(2, 3, 1, 1)],
    { stride: [1, 1, 1] },
    "shape/attribute-kind @ stride: `stride` must be one integer or a list of 2, this is [1, 1, 1]",
  ],
  [
    "reshape",
    [f32(2, 3)],
    { shape: [4, 2] },
    "shape/reshape-count-differs @ shape: cannot reshape f32[2, 3] with 6 elements to f32[4, 2] with 8",
  ],
  [
    "reshape",
    [f32(B, 4)],
    { shape: [B, 5] },
    "shape/reshape-count-differs @ shape: cannot reshape f32[B, 4] with 4 * B elements to f32[B, 5] with 5 * B",
  ],
  [
    "expand",
    [f32(2)],
    { shape: [3] },
    "shape/not-broadcastable @ shape: cannot broadcast f32[2] with f32[3]",
  ],
  [
    "concat",
    [f32(2, 3), f32(2, 4)],
    {},
    "shape/dims-differ @ xs: axis 1 of `concat`: 3 is not equal to 4",
  ],
  ["concat", [], {}, "shape/input-count @ xs: `concat` takes at least one tensor, this call has 0"],
  [
    "slice",
    [f32(4)],
    { axis: 0, from: 2, to: 5 },
    "shape/slice-out-of-range @ to: the slice 2 .. 5 does not lie in 0 .. 4",
  ],
  [
    "slice",
    [f32(B)],
    { axis: 0, to: 1 },
    "shape/dim-not-numeric @ axis: `slice` needs a number here, `B` is symbolic",
  ],
  [
    "transpose",
    [f32(2, 3)],
    { order: [0, 0] },
    "shape/order-not-permutation @ order: [0, 0] does not order 2 axes",
  ],
  [
    "squeeze",
    [f32(2, 3)],
    { axis: 0 },
    "shape/dims-differ @ axis: the extent of axis 0: 2 is not equal to 1",
  ],
  [
    "batch_norm",
    [f32(2, 3), f32(3), f32(4)],
    {},
    "shape/values-per-channel @ bias: `bias` is f32[4], f32[2, 3] has 3 channels",
  ],
  [
    "softmax_cross_entropy",
    [f32(2, 3), of("i64", 3)],
    {},
    "shape/dims-differ @ labels: axis 0 of logits and labels: 2 is not equal to 3",
  ],
];

describe("inferOp", () => {
  it.each(typed)("types %s, row %#", (op, inputs, attrs, result) => {
    expect(check(op, inputs, attrs)).toBe(result);
  });

  it.each(refused)("refuses %s, row %#", (op, inputs, attrs, result) => {
    expect(check(op, inputs, attrs)).toBe(result);
  });

  it("suggests the attribute that was meant", () => {
    const result = inferOp(opNamed("softmax"), [f32(2)], { axs: 0 });
    if (!isRejection(result)) throw new Error("`axs` is not an attribute");
    expect(result.diagnose(null).hint).toBe("did you mean `axis`?");
  });

  it("normalizes attributes", () => {
    const result = inferOp(opNamed("sum"), [f32(2, 3, 4)], { axes: [-1, 0] });
    expect(isRejection(result) ? result : result.attrs).toEqual({ axes: [0, 2], keep: false });
    const spread = inferOp(opNamed("max_pool"), [f32(1, 1, 4, 4)], { kernel: 2, stride: 2 });
    const attrs = { kernel: [2, 2], stride: [2, 2], pads: [0, 0, 0, 0] };
    expect(isRejection(spread) ? spread : spread.attrs).toEqual(attrs);
  });
});
