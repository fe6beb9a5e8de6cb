/** Inference graphs with a symbolic batch, emitted once and run with several sizes. */

import { expect, it } from "vitest";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import { namedDim } from "../../compiler/ir/dim.js";
import type { Graph } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { tensorType } from "../../compiler/ir/type.js";
import { ndarray } from "../../compiler/ops/kit/ndarray.js";
import { runOnnx } from "./run-onnx.js";
import { fixedNumbers, largestError } from "./sample-graph.js";

const B = namedDim("B");

const weights = { w: [4, 2, 3, 3], scale: [4], bias: [4], mean: [4], head: [16, 3] } as const;

function network(): Graph {
  const b = createGraphBuilder();
  const x = b.input("x", tensorType("f32", [B, 2, 5, 5]));
  const labels = b.input("labels", tensorType("i64", [B]));
  const [w, scale, bias, mean, head] = Object.entries(weights).map(([name, shape]) =>
    b.input(name, tensorType("f32", shape)),
  );
  if (!w || !scale || !bias || !mean || !head) throw new Error("five weights are declared");
  const c = b.emit("conv", [x, w], { stride: 2, pads: 1 });
  const normal = b.emit("batch_norm_inference", [c, scale, bias, mean, b.square(scale)]);
  const pooled = b.emit("max_pool", [b.emit("relu", [normal])], { kernel: 2, stride: 1 });
  const logits = b.matmul(b.emit("flatten", [pooled]), head);
  const centered = b.sub(logits, b.mean(logits, { axes: [1], keep: true }));
  const spread = b.expand(b.sum(centered, { axes: [1], keep: true }), [B, 3]);
  const probabilities = b.softmax(b.add(centered, spread), 1);
  return b.finish("network", [
    { name: "p", value: probabilities },
    {
      name: "loss",
      value: b.mean(b.emit("softmax_cross_entropy", [logits, labels]), { axes: [0], keep: false }),
    },
    { name: "hit", value: b.equal(b.emit("argmax", [logits]), labels) },
    { name: "hot", value: b.insertAxis(b.oneHot(labels, { depth: 3, dtype: "f32" }), 1) },
  ]);
}

it.each([1, 3])("runs with a batch of %i", async (batch) => {
  const graph = network();
  const fixed = Object.entries(weights).map(([name, shape]) => {
    const count = shape.reduce((n: number, dim) => n * dim, 1);
    return [name, ndarray("f32", shape, fixedNumbers(count))] as const;
  });
  const inputs = new Map([
    ...fixed,
    ["x", ndarray("f32", [batch, 2, 5, 5], fixedNumbers(batch * 50))] as const,
    ["labels", ndarray("i64", [batch], [2, 0, 1].slice(0, batch))] as const,
  ]);
  const actual = await runOnnx(graph, inputs);
  const expected = interpret(bound(graph, batch), inputs);
  for (const [name, result] of expected) {
    expect(actual.get(name)?.shape, name).toEqual(result.shape);
    const other = actual.get(name);
    expect(other && largestError(other, result), name).toBeLessThan(1e-5);
  }
});

/** The same graph with a number for `B` in its shape attributes, which the references need. */
function bound(graph: Graph, batch: number): Graph {
  const nodes = graph.nodes.map((node) => {
    const shape = node.attrs["shape"];
    if (!Array.isArray(shape)) return node;
    const dims = shape.map((dim) => (typeof dim === "number" ? dim : batch));
    return { ...node, attrs: { ...node.attrs, shape: dims } };
  });
  return { ...graph, nodes };
}
