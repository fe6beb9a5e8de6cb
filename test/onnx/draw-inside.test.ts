/** Random inputs of a graph as draws of the written model: new in every run, of the batch's size. */

import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import { namedDim } from "../../compiler/ir/dim.js";
import { drawInside } from "../../compiler/onnx/draw-inside.js";
import { emitOnnx } from "../../compiler/onnx/emit.js";

function model(): Uint8Array {
  const builder = createGraphBuilder();
  const B = namedDim("B");
  const x = builder.input("x", { dtype: "f32", shape: [B, 50] });
  const draw = builder.input("random:a", { dtype: "f32", shape: [B, 50] });
  const once = builder.input("random:b", { dtype: "f32", shape: [3] });
  const graph = builder.finish("noisy", [
    { name: "y", value: builder.add(x, draw) },
    { name: "z", value: builder.scale(once, 2) },
  ]);
  const target = { device: "cpu", opset: 18, purpose: "infer" } as const;
  return drawInside(emitOnnx(graph, { target, producerVersion: "test" }), ["random:a", "random:b"]);
}

const numbers = (tensor: Tensor | undefined): readonly number[] =>
  tensor?.data instanceof Float32Array ? [...tensor.data] : [];

test("uniform in [0, 1), for any batch, other in every run", async () => {
  const session = await InferenceSession.create(model());
  expect(session.inputNames).toEqual(["x"]);
  const run = async (records: number): Promise<readonly [readonly number[], readonly number[]]> => {
    const zeros = new Tensor("float32", new Float32Array(records * 50), [records, 50]);
    const { y, z } = await session.run({ x: zeros });
    expect(y?.dims).toEqual([records, 50]);
    expect(z?.dims).toEqual([3]);
    return [numbers(y), numbers(z)];
  };
  const [first, three] = await run(40);
  const [second] = await run(40);
  await run(1);
  expect(three).toHaveLength(3);
  for (const value of first) expect(value >= 0 && value < 1).toBe(true);
  expect(new Set(first).size).toBeGreaterThan(1900);
  expect(first.reduce((a, b) => a + b, 0) / first.length).toBeCloseTo(0.5, 1);
  expect(second).not.toEqual(first);
});

test("a name that is no input is a mistake of ours", () => {
  expect(() => drawInside(model(), ["random:a"])).toThrow("no input `random:a`");
});
