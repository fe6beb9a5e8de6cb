/** Transposed convolutions, NCHW. */

import { reject } from "../../../grammar/diagnostic.js";
import {
  attributeRange,
  channelsDiffer,
  dimNotNumeric,
  groupsDoNotDivide,
  rankDiffers,
} from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { type Dim, addDims, divideExactly, multiplyDims, printDim } from "../../ir/dim.js";
import { type TensorType, numelOf, printType, rankOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { forEachTap } from "../kit/conv-taps.js";
import { countOf } from "../kit/ndarray.js";
import { sampleArray } from "../kit/sample-array.js";
import { factors } from "../kit/sharding.js";
import {
  type Window,
  boundDim,
  convAttrs,
  kernelOf,
  padsOf,
  reachOf,
  windowOnnx,
} from "../kit/window.js";
import { flippedConv, turningSuits } from "./conv-flipped.js";

const attrs = { ...convAttrs, output_pad: attr.ints(2, [0, 0]) } as const;

type Settings = Omit<Window, "kernel"> & {
  readonly groups: number;
  readonly output_pad: readonly number[];
};

/** The convolution of `conv` turned around: `x [N, C, H, W]` by `w [C, O / groups, kh, kw]`, larger by the stride. */
export const convTranspose = defineOp({
  name: "conv_transpose",
  summary:
    "The convolution of `conv` turned around: `x [N, C, H, W]` by `w [C, O / groups, kh, kw]`, larger by the stride.",
  reason: "ONNX Runtime runs `ConvTranspose` as one kernel without zeros between the elements.",
  surface: "public",
  inputs: { x: "float", w: "float" },
  attrs,

  infer(scope) {
    const { x, w, groups, output_pad, stride, dilation, pads } = scope;
    for (const [input, type] of [
      ["x", x],
      ["w", w],
    ] as const)
      if (rankOf(type) !== 4)
        return reject(
          rankDiffers,
          { op: "conv_transpose", input, expected: "four axes", actual: printType(type) },
          input,
        );
    const symbolic = w.shape.slice(2).find((dim) => typeof dim !== "number");
    if (symbolic !== undefined)
      return reject(dimNotNumeric, { op: "conv_transpose", dim: printDim(symbolic) }, "w");
    const rules = [
      { attribute: "stride", values: stride, least: 1, most: Infinity },
      { attribute: "dilation", values: dilation, least: 1, most: Infinity },
      { attribute: "pads", values: pads, least: 0, most: Infinity },
      { attribute: "groups", values: [groups], least: 1, most: Infinity },
      { attribute: "output_pad", values: output_pad, least: 0, most: Math.min(...stride) - 1 },
    ] as const;
    for (const { attribute, values, least, most } of rules)
      if (values.some((value) => value < least || value > most)) {
        const expected = most === Infinity ? `at least ${least}` : `from ${least} to ${most}`;
        const actual = `[${values.join(", ")}]`;
        return reject(attributeRange, { attribute, expected, actual }, attribute);
      }
    const [channels, needed] = [at(x.shape, 1), at(w.shape, 0)];
    if (printDim(channels) !== printDim(needed)) {
      const expected = printDim(needed);
      return reject(
        channelsDiffer,
        { input: printType(x), channels: printDim(channels), expected },
        "w",
      );
    }
    if (divideExactly(channels, groups) === null)
      return reject(
        groupsDoNotDivide,
        { groups, what: "input", channels: printDim(channels) },
        "groups",
      );
    return resultOf(x, w, scope);
  },

  sharding: ({ groups }) =>
    groups === 1
      ? factors("noyx,ocij->nchw", { reduction: "o", replicate: "yxijhw" })
      : factors("noyx,odij->nchw", { replicate: "oyxdijchw" }),

  // Linear in both: dx is the convolution itself, dw has the cotangent in the input's place.
  vjp(b, { x, w, stride, pads, dilation, groups, dy }) {
    const settings = { stride, pads, dilation, groups };
    return {
      x: b.emit("conv", [dy, w], settings),
      w: b.emit("conv_weight_grad", [dy, x], { ...settings, kernel: kernelOf(w.type.shape) }),
    };
  },

  flops: ({ x, w }) =>
    2 * numelOf(tensorType("f32", [at(x.shape, 0), ...w.shape, ...x.shape.slice(2)])),

  formulations: [
    {
      // A convolution with the weight turned around; fastest on large maps and for groups.
      name: "flipped-conv",
      when: (scope) => turningSuits({ ...scope, g: scope.x, ...sizesOf(scope.x, scope.w, scope) }),
      onnx: (o, scope) => flippedConv(o, { ...scope, g: scope.x }),
    },
    {
      name: "kernel",
      onnx: (o, scope) =>
        o.node("ConvTranspose", [scope.x.name, scope.w.name], {
          ...windowOnnx({ ...scope, kernel: kernelOf(scope.w.type.shape) }),
          output_padding: scope.output_pad,
          group: scope.groups,
        }),
    },
  ],

  reference(scope) {
    const { x, w } = scope;
    const type = (a: typeof x): TensorType => tensorType(a.dtype, a.shape);
    const shape = resultOf(type(x), type(w), scope).shape.map(boundDim);
    const data = new Float64Array(countOf(shape));
    forEachTap({ x: shape, w: w.shape, y: x.shape }, scope, (i, j, k) => {
      data[i] = (data[i] ?? 0) + (w.data[j] ?? 0) * (x.data[k] ?? 0);
    });
    return { dtype: x.dtype, shape, data };
  },

  samples: [
    {
      why: "twice as large",
      x: sampleArray([2, 3, 3, 2]),
      w: sampleArray([3, 2, 2, 2], 1),
      stride: [2, 2],
    },
    {
      why: "uneven padding, a row and a column more",
      x: sampleArray([1, 2, 3, 3]),
      w: sampleArray([2, 2, 3, 3], 1),
      stride: [2, 2],
      pads: [1, 0, 1, 2],
      output_pad: [1, 1],
    },
    {
      why: "no stride, dilation",
      x: sampleArray([1, 2, 3, 4]),
      w: sampleArray([2, 1, 2, 2], 1),
      dilation: [2, 1],
    },
    {
      why: "groups",
      x: sampleArray([1, 4, 2, 2]),
      w: sampleArray([4, 2, 3, 2], 1),
      stride: [2, 1],
      pads: [1, 0, 0, 1],
      groups: 2,
    },
    {
      why: "groups, no stride",
      x: sampleArray([1, 2, 3, 3]),
      w: sampleArray([2, 2, 3, 3], 1),
      pads: [1, 1, 1, 1],
      groups: 2,
    },
    {
      why: "a large map",
      x: sampleArray([1, 1, 20, 21]),
      w: sampleArray([1, 1, 3, 3], 1),
      pads: [1, 1, 1, 1],
    },
  ],
});

function resultOf(x: TensorType, w: TensorType, settings: Settings): TensorType {
  const window = { ...settings, kernel: kernelOf(w.shape) };
  const extents = ([0, 1] as const).map((axis): Dim => {
    const { before, after } = padsOf(window, axis);
    const steps = multiplyDims(addDims(at(x.shape, axis + 2), -1), at(settings.stride, axis));
    return addDims(steps, reachOf(window, axis) - before - after + at(settings.output_pad, axis));
  });
  const channels = multiplyDims(at(w.shape, 1), settings.groups);
  return tensorType(x.dtype, [at(x.shape, 0), channels, ...extents]);
}

function sizesOf(
  x: TensorType,
  w: TensorType,
  settings: Settings,
): { readonly height: Dim; readonly width: Dim } {
  const [, , height, width] = resultOf(x, w, settings).shape;
  return { height: height ?? 0, width: width ?? 0 };
}
