/** Weights inside a model: it runs without them as inputs, and computes the same. */

import { expect, test } from "vitest";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import { namedDim } from "../../compiler/ir/dim.js";
import { tensorType } from "../../compiler/ir/type.js";
import { ndarray } from "../../compiler/ops/kit/ndarray.js";
import { decodeModel } from "../../compiler/onnx/codec.js";
import { embedWeights, type Weight } from "../../compiler/onnx/embed.js";
import { emitOnnx } from "../../compiler/onnx/emit.js";
import { encodeElements } from "../../compiler/onnx/raw-data.js";
import { runModel } from "./run-model.js";

function model(): Uint8Array {
  const b = createGraphBuilder();
  const x = b.input("x", tensorType("f32", [namedDim("B"), 2]));
  const w = b.input("state.w", tensorType("f32", [2, 2]));
  const bias = b.input("state.b", tensorType("f32", [2]));
  const y = b.add(b.matmul(x, w), bias);
  return emitOnnx(b.finish("infer", [{ name: "y", value: y }]), {
    target: { device: "cpu", opset: 18, purpose: "infer" },
    producerVersion: "0.1.0",
  });
}

const weight = (shape: readonly number[], values: readonly number[]): Weight => ({
  dtype: "f32",
  shape,
  data: encodeElements("f32", values),
});

const weights = new Map([
  ["state.w", weight([2, 2], [1, 2, 3, 4])],
  ["state.b", weight([2], [0.5, -0.5])],
]);

const x = ndarray("f32", [1, 2], [10, 1]);

test("a model with its weights inside computes what it computed with them outside", async () => {
  const outside = await runModel(
    model(),
    new Map([
      ["x", x],
      ["state.w", ndarray("f32", [2, 2], [1, 2, 3, 4])],
      ["state.b", ndarray("f32", [2], [0.5, -0.5])],
    ]),
  );
  const inside = await runModel(embedWeights(model(), weights), new Map([["x", x]]));
  expect([...(inside.get("y")?.data ?? [])]).toEqual([13.5, 23.5]);
  expect(inside).toEqual(outside);
});

test("renamed weights keep their places in the graph", async () => {
  const embedded = embedWeights(model(), weights, new Map([["state.w", "fc.weight"]]));
  const { graph } = decodeModel(embedded);
  expect(graph?.input?.map(({ name }) => name)).toEqual(["x"]);
  const names = graph?.initializer?.map(({ name }) => name);
  expect(names).toEqual(["fc.weight", "state.b"]);
  const result = await runModel(embedded, new Map([["x", x]]));
  expect([...(result.get("y")?.data ?? [])]).toEqual([13.5, 23.5]);
});

test("some inputs may stay inputs", () => {
  const some = new Map([...weights].filter(([name]) => name === "state.b"));
  const { graph } = decodeModel(embedWeights(model(), some));
  expect(graph?.input?.map(({ name }) => name)).toEqual(["x", "state.w"]);
});

test.each([
  ["an unknown name", "state.c", weight([2], [1, 2]), "the model has no input `state.c`"],
  ["another shape", "state.b", weight([3], [1, 2, 3]), "weight `state.b` is f32[3]"],
  ["another dtype", "state.b", { ...weight([2], [1, 2]), dtype: "i32" as const }, "is i32[2]"],
  ["too few bytes", "state.b", { ...weight([2], [1]), shape: [2] }, "does not hold 8 bytes"],
])("%s is refused", (_, name, value, message) => {
  expect(() => embedWeights(model(), new Map([[name, value]]))).toThrow(message);
});

test.each([
  [new Map([["state.w", "y"]]), "two values would be named `y`"],
  [new Map([["state.w", "state.b"]]), "two values would be named `state.b`"],
  [new Map([["other", "z"]]), "`other` is renamed but no input"],
])("a rename that clashes is refused (%#)", (renames, message) => {
  expect(() => embedWeights(model(), weights, renames)).toThrow(message);
});
