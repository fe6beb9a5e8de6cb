/** The gradient of a convolution with respect to its input. */

import { reject } from "../../../grammar/diagnostic.js";
import { dimsDiffer } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { type Dim, multiplyDims, printDim, sameDim } from "../../ir/dim.js";
import { type TensorType, numelOf, tensorType } from "../../ir/type.js";
import { attr, defineOp } from "../define.js";
import { forEachTap } from "../kit/conv-taps.js";
import { countOf } from "../kit/ndarray.js";
import type { OnnxBuilder, OnnxOperand } from "../kit/onnx-builder.js";
import { factors } from "../kit/sharding.js";
import {
  type Window,
  boundDim,
  convAttrs,
  kernelOf,
  padsOf,
  reachOf,
  stepsOf,
  windowOnnx,
} from "../kit/window.js";

/** From this map on turning the weight costs less than the scattering of `ConvTranspose`. */
const largeMap = 400;

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

  formulations: [
    {
      // A convolution with the weight turned around; fastest on large maps and for groups.
      name: "flipped-conv",
      when: (scope) =>
        scope.stride.every((step) => step === 1) &&
        flippedPads(scope, scope.w).every((pad) => pad >= 0) &&
        (scope.groups > 1 || turningPays(scope)),
      onnx: (o, scope) =>
        o.node("Conv", [scope.g.name, flipped(o, scope.w, scope.groups)], {
          ...windowOnnx({
            kernel: kernelOf(scope.w.type.shape),
            stride: [1, 1],
            pads: flippedPads(scope, scope.w.type),
            dilation: scope.dilation,
          }),
          group: scope.groups,
        }),
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

/** A kernel of 1 x 1 is only transposed. */
const turningPays = (scope: {
  readonly w: TensorType;
  readonly height: number;
  readonly width: number;
}): boolean =>
  kernelOf(scope.w.shape).every((extent) => extent === 1) || scope.height * scope.width >= largeMap;

const lastTwo = (x: TensorType): readonly Dim[] => x.shape.slice(-2);

/** The padding under which the turned convolution covers the input exactly. */
function flippedPads(
  scope: { readonly pads: readonly number[]; readonly dilation: readonly number[] },
  w: TensorType,
): readonly number[] {
  const window: Window = { ...scope, kernel: kernelOf(w.shape), stride: [1, 1] };
  return [0, 1, 2, 3].map((i) => reachOf(window, i % 2 === 0 ? 0 : 1) - 1 - at(scope.pads, i));
}

/** `[O, C / groups, kh, kw]` to `[C, O / groups, kh, kw]`, turned by 180 degrees. */
function flipped(o: OnnxBuilder, w: OnnxOperand, groups: number): string {
  const [outs, perGroup, kh, kw] = w.type.shape.map(boundDim);
  const [o1, c, area] = [(outs ?? 0) / groups, perGroup ?? 0, (kh ?? 0) * (kw ?? 0)];
  const split = o.node("Reshape", [w.name, o.shape([groups, o1, c, area])]);
  const swapped = o.node("Transpose", [split], { perm: [0, 2, 1, 3] });
  const turned =
    area === 1
      ? swapped
      : o.node("Gather", [swapped, o.ints(Array.from({ length: area }, (_, i) => area - 1 - i))], {
          axis: 3,
        });
  return o.node("Reshape", [turned, o.shape([groups * c, o1, kh ?? 0, kw ?? 0])]);
}
