/** Makes products over rows of those of a transposed matrix, which the gradients of matrices are. */

import type { Value } from "../ir/graph.js";
import { isNumeric } from "../ir/type.js";
import type { Pass } from "./pass.js";
import { any, op, shared } from "./pattern.js";
import { rewritePass, rule } from "./rewrite.js";

const product = op("matmul", shared(op("transpose", any("x"))), any("g"));

/**
 * Where a matrix stands transposed in a product, as in linear layers, its gradient comes out
 * transposed. The other side is transposed in its place: a kernel does so as it reads, and needs a
 * pass over memory, in one thread, for a result.
 */
export const formRowProducts: Pass = rewritePass({
  name: "form-row-products",
  summary: "Makes one op of the product of a transposed matrix, and of that product transposed.",
  functions: "inline",
  example: {
    before: `
graph @weights(%x: f32[2, 8], %g: f32[2, 16]) {
  %2 = transpose(%x) {order = [1, 0]} : f32[8, 2]
  %3 = matmul(%2, %g) : f32[8, 16]
  %4 = matmul(%2, %x) : f32[8, 8]
  %5 = transpose(%3) {order = [1, 0]} : f32[16, 8]
  return dw = %5, dv = %4
}`,
    after: `
graph @weights(%x: f32[2, 8], %g: f32[2, 16]) {
  %2 = row_product(%x, %x) : f32[8, 8]
  %3 = row_product(%g, %x) : f32[16, 8]
  return dw = %3, dv = %2
}`,
  },
  rules: [
    rule({
      match: op("transpose", product),
      where: ({ x, g }) => isMatrix(x) && isMatrix(g),
      replace: (b, { x, g }) => b.emit("row_product", [g, x]),
    }),
    rule({
      match: product,
      where: ({ x, g }) => isMatrix(x) && isMatrix(g),
      replace: (b, { x, g }) => b.emit("row_product", [x, g]),
    }),
  ],
});

const isMatrix = ({ type }: Value): boolean => type.shape.length === 2 && isNumeric(type.shape);
