/** Gradients of ops with several outputs of which a loss uses only some. */

import { expect, it } from "vitest";
import { at } from "../../grammar/invariant.js";
import { differentiate } from "../../compiler/autodiff/differentiate.js";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import type { Attrs } from "../../compiler/ir/graph.js";
import { tensorType } from "../../compiler/ir/type.js";
import { countOf, ndarray } from "../../compiler/ops/kit/ndarray.js";
import { checkGradients } from "./check-gradients.js";
import { fixedNumbers } from "./sample-graph.js";

type Row = readonly [
  op: string,
  used: number,
  inputs: readonly (readonly number[])[],
  attrs: Attrs,
  missing: readonly number[],
];

const heads = [
  [2, 3, 4],
  [2, 5, 4],
  [2, 5, 3],
];

const rows: readonly Row[] = [
  ["split", 1, [[3, 6]], { sizes: [1, 3, 2] }, []],
  ["top_k", 0, [[3, 6]], { k: 2 }, []],
  ["standardize", 0, [[3, 6]], {}, []],
  ["standardize", 1, [[3, 6]], {}, []],
  ["batch_norm", 1, [[4, 3], [3], [3]], {}, []],
  ["batch_norm", 2, [[4, 3], [3], [3]], {}, []],
  ["scaled_dot_product", 0, heads, { scale: 0.5 }, []],
  ["scaled_dot_product", 1, heads, { scale: 0.5 }, [2]],
  ["scaled_dot_product_biased", 0, [...heads, [3, 5]], { scale: 0.5 }, []],
  ["scaled_dot_product_biased", 1, [...heads, [3, 5]], { scale: 0.5 }, [2]],
];

it.each(rows)("%s, output %i", (op, used, shapes, attrs, missing) => {
  const b = createGraphBuilder();
  const values = shapes.map((shape, i) => b.input(`x${i}`, tensorType("f32", shape)));
  const y = at(b.emitAll(op, values, attrs), used);
  const weights = b.input("weights", y.type);
  const loss = b.sum(b.mul(y, weights), {
    axes: y.type.shape.map((_, axis) => axis),
    keep: false,
  });
  const { gradients, blocked } = differentiate(b, loss, values);
  expect(blocked).toEqual([]);
  // What the output does not depend on has no gradient at all, or one of zeros.
  const outputs = gradients.flatMap((value, i) =>
    value === null ? [] : [{ name: `d x${i}`, value }],
  );
  for (const [i, gradient] of gradients.entries())
    expect(gradient === null, `x${i}`).toBe(missing.includes(i));
  const graph = b.finish(op, [{ name: "loss", value: loss }, ...outputs]);
  const shapeOf = y.type.shape.map(Number);
  const named = [
    ...shapes.map((shape, i) => [`x${i}`, shape] as const),
    ["weights", shapeOf] as const,
  ];
  const inputs = new Map(
    named.map(([name, shape], i) => {
      const numbers = fixedNumbers(countOf(shape) + i).slice(i);
      return [name, ndarray("f32", shape, numbers)] as const;
    }),
  );
  checkGradients(graph, inputs);
});
