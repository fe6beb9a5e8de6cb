/** Brings expressions into one form and removes those that compute nothing. */

import { at, invariant } from "../../grammar/invariant.js";
import { sameShape } from "../ir/dim.js";
import type { Node, Value } from "../ir/graph.js";
import { sameType } from "../ir/type.js";
import { any, constant, named, op, shared, splat, variable } from "./pattern.js";
import { rewritePass, rule } from "./rewrite.js";

/** Gradient rules write what is right in general; much of it is trivial in the case at hand. */
export const canonicalize = rewritePass({
  name: "canonicalize",
  summary: "Puts constants on the right and removes arithmetic and layout ops without an effect.",
  example: {
    before: `
graph @canonical(%x: f32[2, 3]) {
  %1 = constant() {value = 1, dtype = "f32", shape = []} : f32[]
  %2 = mul(%1, %x) : f32[2, 3]
  %3 = transpose(%2) {order = [1, 0]} : f32[3, 2]
  %4 = transpose(%3) {order = [1, 0]} : f32[2, 3]
  %5 = reshape(%4) {shape = [3, 2]} : f32[3, 2]
  %6 = reshape(%5) {shape = [6]} : f32[6]
  return y = %6
}`,
    after: `
graph @canonical(%x: f32[2, 3]) {
  %1 = reshape(%x) {shape = [6]} : f32[6]
  return y = %1
}`,
  },
  rules: [
    rule({
      match: named(
        "node",
        op((o) => o.traits?.includes("commutative") === true, constant("c"), variable("x")),
      ),
      where: ({ node, c }) => at(node.inputs, 0).id === c.id,
      replace: (b, { node, c, x }) => b.emitAll(node.op, [x, c], node.attrs),
    }),

    // A number meets a tensor as it is.
    rule({
      match: named(
        "node",
        op(
          (o) => o.traits?.includes("commutative") === true,
          shared(op("expand", any("x"))),
          any("y"),
        ),
      ),
      where: ({ node, x, y }) =>
        x.type.shape.every((extent) => extent === 1) && keepsShape(node, y),
      replace: (b, { node, x, y }) => b.emitAll(node.op, [y, x], node.attrs),
    }),

    ...[
      op("mul", any("x"), splat(1)),
      op("div", any("x"), splat(1)),
      op("add", any("x"), splat(0)),
      op("sub", any("x"), splat(0)),
    ].map((match) =>
      rule({
        match: named("node", match),
        // A constant may still broadcast `x`.
        where: ({ node, x }) => keepsType(node, x),
        replace: (_, { x }) => x,
      }),
    ),

    rule({ match: op("neg", shared(op("neg", any("x")))), replace: (_, { x }) => x }),

    ...["cast", "reshape", "expand"].map((name) =>
      rule({
        match: named("node", op(name, any("x"))),
        where: ({ node, x }) => keepsType(node, x),
        replace: (_, { x }) => x,
      }),
    ),

    rule({
      match: named("outer", op("reshape", shared(op("reshape", any("x"))))),
      replace: (b, { outer, x }) => b.reshape(x, at(outer.outputs, 0).type.shape),
    }),

    rule({
      match: named("node", op("transpose", any("x"))),
      where: ({ node }) => orderOf(node).every((axis, i) => axis === i),
      replace: (_, { x }) => x,
    }),

    rule({
      match: named("outer", op("transpose", shared(named("inner", op("transpose", any("x")))))),
      replace: (b, { outer, inner, x }) =>
        b.transpose(
          x,
          orderOf(outer).map((axis) => at(orderOf(inner), axis)),
        ),
    }),
  ],
});

const keepsType = (node: Node, x: Value): boolean => sameType(at(node.outputs, 0).type, x.type);

const keepsShape = (node: Node, x: Value): boolean =>
  sameShape(at(node.outputs, 0).type.shape, x.type.shape);

function orderOf(node: Node): readonly number[] {
  const order = node.attrs["order"];
  invariant(typeof order === "object" && !("terms" in order), "a transpose has an order");
  // An empty order reverses the axes.
  if (order.length === 0)
    return at(node.inputs, 0)
      .type.shape.map((_, axis) => axis)
      .toReversed();
  return order.map((axis) => {
    invariant(typeof axis === "number", "an order lists axes");
    return axis;
  });
}
