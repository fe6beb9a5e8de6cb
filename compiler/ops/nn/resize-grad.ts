/** The gradient of `resize`. */

import { at } from "../../../grammar/invariant.js";
import { attr, defineOp } from "../define.js";
import {
  interpolationWeights,
  separable,
  separableFlops,
  separableOnnx,
  transposedWeights,
  type Interpolation,
  type Weights,
} from "../kit/interpolation.js";
import { imageTo } from "../kit/image.js";
import { boundShape } from "../kit/ndarray.js";
import { poolingRule } from "../kit/pooling.js";
import { sampleArray } from "../kit/sample-array.js";
import { boundDim } from "../kit/window.js";
import { resizeAttrs } from "./resize.js";

/** Gives each element of `g` back to the places of an input of `height` x `width` it was made of. */
export const resizeGrad = defineOp({
  name: "resize_grad",
  summary:
    "Gives each element of `g` back to the places of an input of `height` x `width` it was made of.",
  reason: "Two products with constant matrices: exactly the transpose of the interpolation.",
  surface: "internal",
  inputs: { g: "float" },
  attrs: { height: attr.int(), width: attr.int(), ...resizeAttrs },

  infer: ({ g, height, width }) => imageTo("resize_grad", { g }, { height, width }),
  sharding: () => poolingRule("ncyx->nchw"),

  // Linear: the transpose of the transpose.
  vjp(b, { g, mode, align_corners, dy }) {
    const [height, width] = [boundDim(at(g.type.shape, 2)), boundDim(at(g.type.shape, 3))];
    return { g: b.emit("resize", [dy], { height, width, mode, align_corners }) };
  },

  flops: ({ g, height, width }) =>
    separableFlops(boundShape(g.shape), { height, width }, at(boundShape(g.shape), 2)),

  formulations: [
    {
      name: "products",
      onnx: (o, scope) =>
        separableOnnx(o, scope.g.name, {
          ...mapsOf(boundShape(scope.g.type.shape.slice(2)), scope),
          dtype: scope.g.type.dtype,
        }),
    },
  ],

  reference(scope) {
    const { rows, columns } = mapsOf(scope.g.shape.slice(2), scope);
    return separable(scope.g, rows, columns);
  },

  samples: [
    { why: "from a larger image", g: sampleArray([2, 2, 5, 4]), height: 3, width: 2 },
    {
      why: "cubic, from a smaller one",
      g: sampleArray([1, 2, 2, 3]),
      height: 5,
      width: 4,
      mode: "bicubic",
    },
    { why: "nearest", g: sampleArray([1, 1, 4, 4]), height: 2, width: 3, mode: "nearest" },
    { why: "nothing changes", g: sampleArray([1, 1, 2, 3]), height: 2, width: 3 },
  ],
});

function mapsOf(
  [rows, columns]: readonly number[],
  scope: Interpolation & { readonly height: number; readonly width: number },
): { readonly rows: Weights; readonly columns: Weights } {
  const back = (from: number, to: number): Weights =>
    transposedWeights(interpolationWeights(from, to, scope));
  return { rows: back(scope.height, rows ?? 0), columns: back(scope.width, columns ?? 0) };
}
