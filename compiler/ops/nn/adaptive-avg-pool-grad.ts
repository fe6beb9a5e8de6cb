/** The gradient of `adaptive_avg_pool`. */

import { at } from "../../../grammar/invariant.js";
import { attr, defineOp } from "../define.js";
import { imageTo } from "../kit/image.js";
import {
  binWeights,
  separable,
  separableFlops,
  separableOnnx,
  transposedWeights,
  type Weights,
} from "../kit/interpolation.js";
import { boundShape } from "../kit/ndarray.js";
import { poolingRule } from "../kit/pooling.js";
import { sampleArray } from "../kit/sample-array.js";
import { boundDim } from "../kit/window.js";

/** Spreads each element of `g` evenly over its bin in an input of `height` x `width`. */
export const adaptiveAvgPoolGrad = defineOp({
  name: "adaptive_avg_pool_grad",
  summary: "Spreads each element of `g` evenly over its bin in an input of `height` x `width`.",
  reason: "Products with the transposed matrices.",
  surface: "internal",
  inputs: { g: "float" },
  attrs: { height: attr.int(), width: attr.int() },

  infer: ({ g, height, width }) => imageTo("adaptive_avg_pool_grad", { g }, { height, width }),
  sharding: () => poolingRule("ncyx->nchw"),

  // Linear: the transpose.
  vjp(b, { g, dy }) {
    const [height, width] = [boundDim(at(g.type.shape, 2)), boundDim(at(g.type.shape, 3))];
    return { g: b.emit("adaptive_avg_pool", [dy], { height, width }) };
  },

  flops: ({ g, height, width }) =>
    separableFlops(boundShape(g.shape), { height, width }, at(boundShape(g.shape), 2)),

  coarse: "AdaptiveAvgPoolGrad",
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
    { why: "bins that overlap", g: sampleArray([2, 2, 5, 4]), height: 3, width: 3 },
    { why: "bins side by side", g: sampleArray([1, 2, 4, 6]), height: 2, width: 3 },
    { why: "more bins than places", g: sampleArray([1, 1, 2, 3]), height: 3, width: 4 },
    { why: "a single bin", g: sampleArray([1, 2, 3, 3]), height: 1, width: 1 },
  ],
});

function mapsOf(
  [height, width]: readonly number[],
  scope: { readonly height: number; readonly width: number },
): { readonly rows: Weights; readonly columns: Weights } {
  return {
    rows: transposedWeights(binWeights(scope.height, height ?? 0)),
    columns: transposedWeights(binWeights(scope.width, width ?? 0)),
  };
}
