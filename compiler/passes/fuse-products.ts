/** Makes coarse products of matrix products and what stands around them. */

import { at } from "../../grammar/invariant.js";
import { sameDim, sameShape } from "../ir/dim.js";
import type { Value } from "../ir/graph.js";
import { any, named, op, shared } from "./pattern.js";
import { rewritePass, rule } from "./rewrite.js";

/** Their bodies are the nodes they replace, so the numbers stay what they were. */
export const fuseProducts = rewritePass({
  name: "fuse-products",
  summary:
    "Makes one coarse product of a matrix product, the transposes of its sides, a bias, and a rectifier or a residual.",
  functions: "keep",
  example: {
    before: `
graph @dense(%x: f32[8, 4], %w: f32[3, 4], %b: f32[3], %v: f32[3, 3], %c: f32[3]) {
  %5 = transpose(%w) {order = [1, 0]} : f32[4, 3]
  %6 = matmul(%x, %5) : f32[8, 3]
  %7 = add(%6, %b) : f32[8, 3]
  %8 = relu(%7) : f32[8, 3]
  %9 = matmul(%8, %v) : f32[8, 3]
  %10 = add(%9, %c) : f32[8, 3]
  %11 = add(%10, %8) : f32[8, 3]
  return y = %11
}`,
    after: `
graph @dense(%x: f32[8, 4], %w: f32[3, 4], %b: f32[3], %v: f32[3, 3], %c: f32[3]) {
  %5 = gemm_bias(%x, %w, %b) {transpose_a = false, transpose_b = true, activation = "relu"} : f32[8, 3]
  %6 = gemm_residual(%5, %v, %c, %5) {transpose_a = false, transpose_b = false} : f32[8, 3]
  return y = %6
}`,
  },
  rules: [
    ...sides().map(({ left, right }) =>
      rule({
        match: op(
          "matmul",
          left ? transposed("l", "a") : any("a"),
          right ? transposed("r", "b") : any("b"),
        ),
        where: (found) =>
          isMatrix(found.b) && (left ? isMatrix(found.a) : found.a.type.shape.length > 1),
        replace: (build, { a, b }) =>
          build.emit("gemm", [a, b], { transpose_a: left, transpose_b: right }),
      }),
    ),
    rule({
      match: op("add", named("product", op("gemm", any("a"), any("b"))), any("bias")),
      where: ({ product, bias }) => isBiasOf(bias, at(product.outputs, 0)),
      replace: (build, { product, a, b, bias }) =>
        build.emit("gemm_bias", [a, b, bias], product.attrs),
    }),
    rule({
      match: op("relu", named("product", op("gemm_bias", any("a"), any("b"), any("bias")))),
      where: ({ product }) => product.attrs["activation"] === "none",
      replace: (build, { product, a, b, bias }) =>
        build.emit("gemm_bias", [a, b, bias], { ...product.attrs, activation: "relu" }),
    }),
    rule({
      match: op(
        "add",
        named("product", op("gemm_bias", any("a"), any("b"), any("bias"))),
        any("residual"),
      ),
      where: ({ product, residual }) =>
        product.attrs["activation"] === "none" &&
        sameShape(residual.type.shape, at(product.outputs, 0).type.shape),
      replace(build, { product, a, b, bias, residual }) {
        const { transpose_a, transpose_b } = product.attrs;
        return build.emit("gemm_residual", [a, b, bias, residual], {
          transpose_a: transpose_a === true,
          transpose_b: transpose_b === true,
        });
      },
    }),
  ],
});

/** Whether the sides are transposes; both before one, one before none. */
function sides(): readonly { readonly left: boolean; readonly right: boolean }[] {
  return [
    { left: true, right: true },
    { left: true, right: false },
    { left: false, right: true },
    { left: false, right: false },
  ];
}

/** The exchange of a matrix's axes, whoever else takes it. */
function transposed<N extends string, I extends string>(name: N, input: I) {
  return shared(named(name, op("transpose", any(input))));
}

const isMatrix = ({ type }: Value): boolean => type.shape.length === 2;

/** One number per column. */
const isBiasOf = (bias: Value, product: Value): boolean => {
  const [only, ...others] = bias.type.shape;
  return only !== undefined && others.length === 0 && sameDim(only, at(product.type.shape, -1));
};
