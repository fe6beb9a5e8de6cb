/** Shapes that are known only when a graph runs are computed from its inputs. */

import { expect, test } from "vitest";
import { bindDims } from "../../compiler/ir/bind-dims.js";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import { addDims, type Dim, floorDivide, multiplyDims, namedDim } from "../../compiler/ir/dim.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { tensorType } from "../../compiler/ir/type.js";
import { emitOnnx } from "../../compiler/onnx/emit.js";
import { ndarray } from "../../compiler/ops/kit/ndarray.js";
import { runModel } from "./run-model.js";

const B = namedDim("B");
const target = { device: "cpu", opset: 18, purpose: "infer" } as const;

test.each<readonly [string, readonly Dim[]]>([
  ["the batch", [B, 3]],
  ["the batch alone", [B]],
  ["twice the batch and one", [addDims(multiplyDims(2, B), 1), 3]],
  ["half of the batch", [floorDivide(addDims(B, 3), 2), 3]],
  ["the batch twice", [B, B, 3]],
])("expands to %s", async (_, shape) => {
  const b = createGraphBuilder();
  const x = b.input("x", tensorType("f32", [B, 3]));
  const w = b.input("w", tensorType("f32", [1]));
  const graph = b.finish("g", [
    { name: "y", value: b.expand(w, shape) },
    { name: "filled", value: b.constant(2.5, "f32", shape) },
    { name: "z", value: b.neg(x) },
  ]);
  const model = emitOnnx(graph, { target, producerVersion: "test" });
  for (const batch of [1, 2, 5]) {
    const inputs = new Map([
      [
        "x",
        ndarray(
          "f32",
          [batch, 3],
          Array.from({ length: 3 * batch }, (_value, i) => i),
        ),
      ],
      ["w", ndarray("f32", [1], [0.5])],
    ]);
    const want = interpret(bindDims(graph, new Map([["B", batch]])), inputs);
    const got = await runModel(model, inputs);
    for (const [name, array] of want) expect([name, got.get(name)]).toEqual([name, array]);
  }
});
