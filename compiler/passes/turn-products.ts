/** Transposes a side of a product in place of its result. */

import { isNumeric } from "../ir/type.js";
import { any, op, shared } from "./pattern.js";
import { rewritePass, rule } from "./rewrite.js";

/**
 * The gradient of a matrix that stands transposed in a product, as those of linear layers do, comes
 * out transposed. The result has more elements than the rows that make it, and ONNX Runtime
 * transposes the side of a product as it reads it.
 */
export const turnProducts = rewritePass({
  name: "turn-products",
  summary: "Exchanges the sides of a product of a transposed matrix in place of transposing it.",
  functions: "inline",
  example: {
    before: `
graph @weight(%x: f32[2, 8], %g: f32[2, 16]) {
  %2 = transpose(%x) {order = [1, 0]} : f32[8, 2]
  %3 = matmul(%2, %g) : f32[8, 16]
  %4 = transpose(%3) {order = [1, 0]} : f32[16, 8]
  return dw = %4
}`,
    after: `
graph @weight(%x: f32[2, 8], %g: f32[2, 16]) {
  %2 = transpose(%g) {order = [1, 0]} : f32[16, 2]
  %3 = matmul(%2, %x) : f32[16, 8]
  return dw = %3
}`,
  },
  rules: [
    rule({
      match: op("transpose", op("matmul", shared(op("transpose", any("x"))), any("g"))),
      where: ({ x, g }) =>
        x.type.shape.length === 2 &&
        g.type.shape.length === 2 &&
        isNumeric(x.type.shape) &&
        isNumeric(g.type.shape),
      replace: (b, { x, g }) => b.matmul(b.transposeLast(g), x),
    }),
  ],
});
