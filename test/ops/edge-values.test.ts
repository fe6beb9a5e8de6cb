/** What samples cannot show: accuracy near zero, ties, narrow indices, one-dimensional convolutions. */

import { expect, it } from "vitest";
import { at } from "../../grammar/invariant.js";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { type DType, tensorType } from "../../compiler/ir/type.js";
import { type NdArray, ndarray } from "../../compiler/ops/kit/ndarray.js";
import { runOnnx } from "./run-onnx.js";
import { fixedNumbers, largestError } from "./sample-graph.js";

/** The outputs of one op in ONNX Runtime and in the reference. */
async function both(
  op: string,
  inputs: readonly NdArray[],
  attrs: Readonly<Record<string, number>> = {},
): Promise<readonly { readonly actual: NdArray; readonly expected: NdArray }[]> {
  const b = createGraphBuilder();
  const values = inputs.map((x, i) => b.input(`x${i}`, tensorType(x.dtype, x.shape)));
  const outputs = b.emitAll(op, values, attrs).map((value, i) => ({ name: `y${i}`, value }));
  const graph = b.finish(op, outputs);
  const feeds = new Map(inputs.map((x, i) => [`x${i}`, x] as const));
  const [actual, expected] = [await runOnnx(graph, feeds), interpret(graph, feeds)];
  return outputs.map(({ name }) => {
    const [left, right] = [actual.get(name), expected.get(name)];
    if (!left || !right) throw new Error(`${name} is missing`);
    return { actual: left, expected: right };
  });
}

const f32 = (values: readonly number[]): NdArray =>
  ndarray("f32", [values.length], values.map(Math.fround));

it.each(["log1p", "expm1"])("%s keeps all digits near zero", async (op) => {
  const x = f32([1e-20, -3e-12, 1e-8, -1e-7, 3e-7, 1e-5, -1e-4, 1e-3, -0.01, 0.1]);
  const { actual, expected } = at(await both(op, [x]), 0);
  for (const [i, value] of expected.data.entries())
    expect(Math.abs((actual.data[i] ?? NaN) / value - 1), `at ${x.data[i]}`).toBeLessThan(1e-6);
});

it("log1p reaches minus infinity and large values", async () => {
  const { actual } = at(await both("log1p", [f32([-1, 1e30])]), 0);
  expect([...actual.data]).toEqual([-Infinity, Math.fround(Math.log(1e30))]);
});

it("expm1 reaches -1 and large values", async () => {
  const { actual } = at(await both("expm1", [f32([-200, 80])]), 0);
  expect(actual.data[0]).toBe(-1);
  expect((actual.data[1] ?? NaN) / Math.exp(80)).toBeCloseTo(1, 5);
});

it("top_k takes the first of equal elements", async () => {
  const results = await both("top_k", [f32([1, 2, 2, 1, 2])], { k: 4 });
  expect([...at(results, 1).actual.data]).toEqual([1, 2, 4, 0]);
  expect([...at(results, 1).expected.data]).toEqual([1, 2, 4, 0]);
});

it("rows without updates stay at their start", async () => {
  const inputs = [ndarray("i64", [2], [2, 2]), f32([3, -1])];
  const results = await Promise.all(
    ["scatter_add", "scatter_min", "scatter_max"].map((op) => both(op, inputs, { size: 3 })),
  );
  expect(results.map((result) => [...at(result, 0).actual.data])).toEqual([
    [0, 0, 2],
    [Infinity, Infinity, -1],
    [-Infinity, -Infinity, 3],
  ]);
});

it.each(["u8", "i32"] as const satisfies readonly DType[])("%s indices work", async (dtype) => {
  const index = ndarray(dtype, [2], [1, 0]);
  for (const { actual, expected } of [
    ...(await both("gather", [f32([5, 6, 7]), index])),
    ...(await both("take_along", [f32([5, 6, 7]), index])),
    ...(await both("scatter_add", [index, f32([5, 6])], { size: 2 })),
    ...(await both("scatter_along", [index, f32([5, 6])], { size: 2 })),
    ...(await both("softmax_cross_entropy", [
      ndarray("f32", [2, 3], fixedNumbers(6).map(Math.fround)),
      index,
    ])),
  ])
    expect(largestError(actual, expected)).toBeLessThan(1e-6);
});

it("a convolution over one axis is one over two with a height of 1", async () => {
  const b = createGraphBuilder();
  const x = b.input("x", tensorType("f32", [2, 3, 9]));
  const w = b.input("w", tensorType("f32", [4, 3, 5]));
  const y = b.emit("conv", [b.insertAxis(x, 2), b.insertAxis(w, 2)], {
    stride: [1, 2],
    pads: [0, 2, 0, 2],
  });
  const graph = b.finish("conv1d", [{ name: "y", value: b.emit("squeeze", [y], { axis: 2 }) }]);
  const inputs = new Map([
    ["x", ndarray("f32", [2, 3, 9], fixedNumbers(54))],
    ["w", ndarray("f32", [4, 3, 5], fixedNumbers(60))],
  ]);
  const expected = interpret(graph, inputs).get("y");
  const actual = (await runOnnx(graph, inputs)).get("y");
  if (!actual || !expected) throw new Error("y is computed");
  expect(actual.shape).toEqual([2, 4, 5]);
  expect(largestError(actual, expected)).toBeLessThan(1e-5);
});
