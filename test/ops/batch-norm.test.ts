/** Several batch normalizations in one graph keep their statistics apart in ONNX Runtime. */

import { expect, it } from "vitest";
import { at } from "../../grammar/invariant.js";
import { differentiate } from "../../compiler/autodiff/differentiate.js";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { tensorType } from "../../compiler/ir/type.js";
import { ndarray } from "../../compiler/ops/kit/ndarray.js";
import { runOnnx } from "./run-onnx.js";
import { fixedNumbers, largestError } from "./sample-graph.js";

it.each([
  ["images", [2, 3, 4, 4]],
  ["vectors", [5, 3]],
] as const)("of %s", async (_, shape) => {
  const b = createGraphBuilder();
  const x = b.input("x", tensorType("f32", shape));
  const scale = b.input("scale", tensorType("f32", [3]));
  // One weight for everything: nothing but `x` tells the three apart.
  const first = at(b.emitAll("batch_norm", [x, scale, scale]), 0);
  const second = at(b.emitAll("batch_norm", [b.square(first), scale, scale]), 0);
  const [third, mean] = b.emitAll("batch_norm", [b.exp(x), scale, scale]);
  if (third === undefined || mean === undefined) throw new Error("three outputs are emitted");
  const product = b.mul(b.square(second), third);
  const loss = b.sum(product, { axes: shape.map((_dim, axis) => axis), keep: false });
  const { gradients } = differentiate(b, loss, [x, scale]);
  const outputs = gradients.flatMap((value, i) =>
    value === null ? [] : [{ name: `gradient ${i}`, value }],
  );
  const graph = b.finish("shared", [{ name: "mean", value: mean }, ...outputs]);
  expect(outputs.length).toBe(2);
  const count = shape.reduce<number>((n, dim) => n * dim, 1);
  const inputs = new Map([
    ["x", ndarray("f32", shape, fixedNumbers(count))],
    ["scale", ndarray("f32", [3], [0.5, 1.5, -1])],
  ]);
  const expected = interpret(graph, inputs);
  for (const [name, result] of await runOnnx(graph, inputs))
    expect(largestError(result, expected.get(name) ?? result), name).toBeLessThan(5e-5);
});
