/** Exact algebra around products: factors that are powers of two. */

import { at } from "../../grammar/invariant.js";
import type { Node, Value } from "../ir/graph.js";
import { roundTo } from "../ir/rounding.js";
import { isFloat, isNumeric, numelOf } from "../ir/type.js";
import { any, named, op, shared, splatOf } from "./pattern.js";
import { rewritePass, rule } from "./rewrite.js";

/**
 * A factor that is a power of two commutes with every other factor and with sums without rounding,
 * as long as nothing leaves the range of the element type.
 */
export const simplifyProducts = rewritePass({
  name: "simplify-products",
  summary:
    "Merges factors where one is a power of two, and moves such a factor from a matrix product to its smaller side.",
  example: {
    before: `
graph @products(%x: f32[8, 4], %q: f32[16, 2], %k: f32[2, 16]) {
  %3 = constant() {value = 0.3, dtype = "f32", shape = []} : f32[]
  %4 = constant() {value = 0.5, dtype = "f32", shape = []} : f32[]
  %5 = mul(%x, %3) : f32[8, 4]
  %6 = mul(%5, %4) : f32[8, 4]
  %7 = matmul(%q, %k) : f32[16, 16]
  %8 = mul(%7, %4) : f32[16, 16]
  return y = %6, scores = %8
}`,
    after: `
graph @products(%x: f32[8, 4], %q: f32[16, 2], %k: f32[2, 16]) {
  %3 = constant() {value = 0.15, dtype = "f32", shape = []} : f32[]
  %4 = mul(%x, %3) : f32[8, 4]
  %5 = constant() {value = 0.5, dtype = "f32", shape = []} : f32[]
  %6 = mul(%q, %5) : f32[16, 2]
  %7 = matmul(%6, %k) : f32[16, 16]
  return y = %4, scores = %7
}`,
  },
  rules: [
    // (x c) d = x (c d). The factors stand first: most products have none, which is soon seen.
    rule({
      match: op("mul", filling("d"), op("mul", filling("c"), any("x"))),
      where: ({ c, d }) => isExact(c, d),
      replace: (b, { x, c, d }) => b.scale(x, (splatOf(c) ?? 1) * (splatOf(d) ?? 1)),
    }),

    // c (a b) = (c a) b = a (c b).
    ...(["a", "b"] as const).map((side) =>
      rule({
        match: named("outer", op("mul", filling("c"), op("matmul", any("a"), any("b")))),
        where: (found) =>
          isScalar(found.c) &&
          isPowerOfTwo(splatOf(found.c) ?? 0) &&
          isSmaller(found[side], at(found.outer.outputs, 0)),
        replace(build, { a, b, c }) {
          const factor = splatOf(c) ?? 1;
          return side === "a"
            ? build.matmul(build.scale(a, factor), b)
            : build.matmul(a, build.scale(b, factor));
        },
      }),
    ),
  ],
});

/** A constant, as a node. */
function filling<N extends string>(name: N) {
  return shared(named(name, op("constant")));
}

const isScalar = ({ outputs }: Node): boolean => at(outputs, 0).type.shape.length === 0;

const isPowerOfTwo = (value: number): boolean =>
  Number.isFinite(value) && value !== 0 && Number.isInteger(Math.log2(Math.abs(value)));

/** Whether multiplying by both factors at once gives what multiplying by one after the other gives. */
function isExact(left: Node, right: Node): boolean {
  const { dtype } = at(left.outputs, 0).type;
  const [c, d] = [left, right].map((node) => roundTo(dtype, splatOf(node) ?? 0) ?? 0);
  if (c === undefined || d === undefined || !isFloat(dtype)) return false;
  return (
    isScalar(left) &&
    isScalar(right) &&
    (isPowerOfTwo(c) || isPowerOfTwo(d)) &&
    roundTo(dtype, c * d) === c * d
  );
}

const isSmaller = (x: Value, y: Value): boolean =>
  isNumeric(x.type.shape) && isNumeric(y.type.shape) && numelOf(x.type) < numelOf(y.type);
