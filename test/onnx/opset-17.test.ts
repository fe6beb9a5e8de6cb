/** Operator sets of exports: the same numbers from 17 to 21, and weights that take half the space. */

import { expect, test } from "vitest";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import { namedDim } from "../../compiler/ir/dim.js";
import { tensorType } from "../../compiler/ir/type.js";
import { decodeModel } from "../../compiler/onnx/codec.js";
import { embedWeights } from "../../compiler/onnx/embed.js";
import { emitOnnx } from "../../compiler/onnx/emit.js";
import { narrowWeights } from "../../compiler/onnx/narrow-weights.js";
import { encodeElements } from "../../compiler/onnx/raw-data.js";
import { ndarray } from "../../compiler/ops/kit/ndarray.js";
import { runModel } from "./run-model.js";

/** Every op whose ONNX form differs between the sets, on a batch of any size. */
function graph() {
  const b = createGraphBuilder();
  const x = b.input("x", tensorType("f32", [namedDim("B"), 3, 4, 5]));
  const axes = [2, 3];
  const outputs = ["mean", "amax", "amin", "prod", "var", "sum"].map((op) => ({
    name: op,
    value: b.emit(op, [x], { axes }),
  }));
  const all = b.emit("amax", [x], { axes: [1, 2, 3] });
  const log = b.emit("logsumexp", [x], { axis: 3 });
  const resized = b.emit("resize", [x], { height: 7, width: 3, mode: "bilinear" });
  return b.finish("reductions", [
    ...outputs,
    { name: "all", value: all },
    { name: "log", value: log },
    { name: "resized", value: resized },
  ]);
}

const written = (opset: number): Uint8Array =>
  emitOnnx(graph(), {
    target: { device: "cpu", opset, purpose: "infer" },
    producerVersion: "test",
  });

const numbers = Array.from({ length: 2 * 60 }, (_, i) => Math.sin(i * i) + 0.1);
const feeds = new Map([["x", ndarray("f32", [2, 3, 4, 5], numbers)]]);

test.each([17, 19, 20, 21])("opset %i gives what 18 gives", async (opset) => {
  const model = written(opset);
  expect(decodeModel(model).opsetImport).toEqual([{ domain: "", version: opset }]);
  const [expected, found] = [await runModel(written(18), feeds), await runModel(model, feeds)];
  expect([...found.keys()]).toEqual([...expected.keys()]);
  for (const [name, { shape, data }] of expected) {
    expect(found.get(name)?.shape, name).toEqual(shape);
    expect([...(found.get(name)?.data ?? [])], name).toEqual([...data]);
  }
});

test("opset 17 has axes of reductions as attributes and keeps no constant that nothing reads", () => {
  const { graph: made } = decodeModel(written(17));
  const reductions = made?.node?.filter(({ opType }) => /^Reduce(?!Sum)/u.test(opType ?? "")) ?? [];
  expect(reductions.length).toBeGreaterThan(5);
  for (const { input, attribute } of reductions) {
    expect(input).toHaveLength(1);
    expect(attribute?.find(({ name }) => name === "axes")?.ints?.length).toBeGreaterThan(0);
  }
  const read = new Set(made?.node?.flatMap(({ input }) => input ?? []));
  expect(made?.initializer?.filter(({ name }) => !read.has(name ?? ""))).toEqual([]);
});

const scaled = (values: readonly number[]): Uint8Array => {
  const b = createGraphBuilder();
  const x = b.input("x", tensorType("f32", [namedDim("B"), 2]));
  const w = b.input("w", tensorType("f32", [2]));
  const model = emitOnnx(b.finish("scaled", [{ name: "y", value: b.mul(x, w) }]), {
    target: { device: "cpu", opset: 18, purpose: "infer" },
    producerVersion: "test",
  });
  const weight = { dtype: "f32", shape: [2], data: encodeElements("f32", values) } as const;
  return embedWeights(model, new Map([["w", weight]]), new Map([["w", "weight"]]));
};

test.each([
  ["f16", 0.333251953125, 10],
  ["bf16", 0.333984375, 16],
] as const)(
  "weights in %s are rounded, stored in two bytes and read as f32",
  async (dtype, third, type) => {
    const { model, beyond } = narrowWeights(scaled([1 / 3, -2]), new Set(["weight"]), dtype);
    expect(beyond).toBeNull();
    const [stored] = decodeModel(model).graph?.initializer ?? [];
    expect(stored).toMatchObject({ name: "weight", dataType: type });
    expect(stored?.rawData).toHaveLength(4);
    const { y } = Object.fromEntries(
      await runModel(model, new Map([["x", ndarray("f32", [1, 2], [1, 1])]])),
    );
    expect([...(y?.data ?? [])]).toEqual([third, -2]);
  },
);

test("a weight beyond f16 is named", () => {
  const names = new Set(["weight"]);
  expect(narrowWeights(scaled([65519, 1]), names, "f16").beyond).toBeNull();
  expect(narrowWeights(scaled([1, -65520]), names, "f16").beyond).toBe("weight");
  expect(narrowWeights(scaled([1, -65520]), names, "bf16").beyond).toBeNull();
});
