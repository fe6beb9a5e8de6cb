/** Average pooling to a given size. */

import { at } from "../../../grammar/invariant.js";
import { attr, defineOp } from "../define.js";
import { imageTo } from "../kit/image.js";
import {
  binWeights,
  separable,
  separableFlops,
  separableOnnx,
  type Weights,
} from "../kit/interpolation.js";
import { boundShape } from "../kit/ndarray.js";
import { poolingRule } from "../kit/pooling.js";
import { sampleArray } from "../kit/sample-array.js";
import { boundDim } from "../kit/window.js";

/** The means of `height` x `width` bins over `x [N, C, H, W]`, which overlap where they do not divide it. */
export const adaptiveAvgPool = defineOp({
  name: "adaptive_avg_pool",
  summary:
    "The means of `height` x `width` bins over `x [N, C, H, W]`, which overlap where they do not divide it.",
  reason: "One or two products with constant matrices, whatever the sizes.",
  surface: "public",
  inputs: { x: "float" },
  attrs: { height: attr.int(), width: attr.int() },

  infer: ({ x, height, width }) => imageTo("adaptive_avg_pool", { x }, { height, width }),
  sharding: () => poolingRule("nchw->ncyx"),

  // Linear: the transpose.
  vjp(b, { x, dy }) {
    const [height, width] = [boundDim(at(x.type.shape, 2)), boundDim(at(x.type.shape, 3))];
    return { x: b.emit("adaptive_avg_pool_grad", [dy], { height, width }) };
  },

  flops: ({ x, height, width }) =>
    separableFlops(boundShape(x.shape), { height, width }, at(boundShape(x.shape), 2)),

  coarse: "AdaptiveAvgPool",
  formulations: [
    {
      name: "products",
      onnx: (o, scope) =>
        separableOnnx(o, scope.x.name, {
          ...mapsOf(boundShape(scope.x.type.shape.slice(2)), scope),
          dtype: scope.x.type.dtype,
        }),
    },
  ],

  reference(scope) {
    const { rows, columns } = mapsOf(scope.x.shape.slice(2), scope);
    return separable(scope.x, rows, columns);
  },

  samples: [
    { why: "bins that overlap", x: sampleArray([2, 2, 5, 4]), height: 3, width: 3 },
    { why: "bins side by side", x: sampleArray([1, 2, 4, 6]), height: 2, width: 3 },
    { why: "more bins than places", x: sampleArray([1, 1, 2, 3]), height: 3, width: 4 },
    { why: "a single bin", x: sampleArray([1, 2, 3, 3]), height: 1, width: 1 },
  ],
});

function mapsOf(
  [height, width]: readonly number[],
  scope: { readonly height: number; readonly width: number },
): { readonly rows: Weights; readonly columns: Weights } {
  return {
    rows: binWeights(height ?? 0, scope.height),
    columns: binWeights(width ?? 0, scope.width),
  };
}
