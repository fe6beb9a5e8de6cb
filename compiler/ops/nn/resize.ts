/** Resizing images. */

import { isRejection, reject } from "../../../grammar/diagnostic.js";
import { attributeRange } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import { attr, defineOp } from "../define.js";
import {
  type Weights,
  interpolationWeights,
  separable,
  separableOnnx,
} from "../kit/interpolation.js";
import { imageTo } from "../kit/image.js";
import { countOf, boundShape } from "../kit/ndarray.js";
import { poolingRule } from "../kit/pooling.js";
import { sampleArray } from "../kit/sample-array.js";
import { boundDim } from "../kit/window.js";

/** How images are resized: `bicubic` is Keys' kernel with a = -0.75. */
export const resizeAttrs = {
  mode: attr.choice(["nearest", "bilinear", "bicubic"], "bilinear"),
  align_corners: attr.bool(false),
} as const;

/** Beyond so many weights the matrices themselves cost too much. */
const largeMatrix = 2 ** 20;

const tapCounts = { nearest: 1, bilinear: 2, bicubic: 4 } as const;

/** `x [N, C, H, W]` at another height and width, as PyTorch's `interpolate` without antialiasing. */
export const resize = defineOp({
  name: "resize",
  summary:
    "`x [N, C, H, W]` at another height and width, as PyTorch's `interpolate` without antialiasing.",
  reason: "ONNX Runtime runs `Resize` as one kernel; its gradient is a pair of matrix products.",
  surface: "public",
  inputs: { x: "float" },
  attrs: { height: attr.int(), width: attr.int(), ...resizeAttrs },

  infer({ x, height, width, mode, align_corners }) {
    const result = imageTo("resize", { x }, { height, width });
    if (isRejection(result)) return result;
    if (align_corners && mode === "nearest") {
      const expected = "`false` with `mode: nearest`";
      return reject(
        attributeRange,
        { attribute: "align_corners", expected, actual: "true" },
        "align_corners",
      );
    }
    return result;
  },

  sharding: () => poolingRule("nchw->ncyx"),

  vjp(b, { x, mode, align_corners, dy }) {
    const [height, width] = [boundDim(at(x.type.shape, 2)), boundDim(at(x.type.shape, 3))];
    return { x: b.emit("resize_grad", [dy], { height, width, mode, align_corners }) };
  },

  flops: ({ x, height, width, mode }) =>
    2 * tapCounts[mode] ** 2 * countOf(boundShape(x.shape).slice(0, 2)) * height * width,

  formulations: [
    {
      // ONNX Runtime's cubic kernel is fifty times slower than dense products.
      name: "products",
      when: ({ x, height, width, mode }) =>
        mode === "bicubic" &&
        boundDim(at(x.shape, 2)) * height <= largeMatrix &&
        boundDim(at(x.shape, 3)) * width <= largeMatrix,
      onnx(o, { x, height, width, mode, align_corners }) {
        const weights = (axis: number, to: number): Weights =>
          interpolationWeights(boundDim(at(x.type.shape, axis)), to, { mode, align_corners });
        const maps = { rows: weights(2, height), columns: weights(3, width) };
        return separableOnnx(o, x.name, { ...maps, dtype: x.type.dtype });
      },
    },
    {
      name: "kernel",
      onnx(o, { x, height, width, mode, align_corners }) {
        const modes = { nearest: "nearest", bilinear: "linear", bicubic: "cubic" } as const;
        const place =
          mode === "nearest" ? "asymmetric" : align_corners ? "align_corners" : "half_pixel";
        return o.node("Resize", [x.name, "", "", o.ints([height, width])], {
          axes: [2, 3],
          mode: modes[mode],
          coordinate_transformation_mode: place,
          nearest_mode: "floor",
          ...(mode === "bicubic" && { cubic_coeff_a: { float: -0.75 } }),
        });
      },
    },
  ],

  reference: ({ x, height, width, mode, align_corners }) =>
    separable(
      x,
      interpolationWeights(at(x.shape, 2), height, { mode, align_corners }),
      interpolationWeights(at(x.shape, 3), width, { mode, align_corners }),
    ),

  samples: (["nearest", "bilinear", "bicubic"] as const).flatMap((mode) => [
    { why: `${mode}, larger`, x: sampleArray([2, 2, 3, 4]), height: 7, width: 5, mode },
    { why: `${mode}, smaller`, x: sampleArray([1, 2, 7, 6]), height: 3, width: 4, mode },
    ...(mode === "nearest"
      ? []
      : [
          {
            why: `${mode}, corners on corners`,
            x: sampleArray([1, 2, 3, 5]),
            height: 5,
            width: 3,
            mode,
            align_corners: true,
          },
          {
            why: `${mode}, to a single row`,
            x: sampleArray([1, 1, 4, 3]),
            height: 1,
            width: 6,
            mode,
            align_corners: true,
          },
        ]),
    { why: `${mode}, a single place`, x: sampleArray([1, 1, 5, 4]), height: 1, width: 1, mode },
  ]),
});
