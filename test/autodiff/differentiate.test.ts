/** Reverse mode on small programs, against central differences and by its own rules. */

import { describe, expect, it } from "vitest";
import { at } from "../../grammar/invariant.js";
import { createSource } from "../../grammar/source.js";
import { differentiate } from "../../compiler/autodiff/differentiate.js";
import type { GraphBuilder } from "../../compiler/ir/builder.js";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import type { Graph, Value } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { isFloat, tensorType } from "../../compiler/ir/type.js";
import { verifyGraph } from "../../compiler/ir/verify.js";
import { type NdArray, ndarray } from "../../compiler/ops/kit/ndarray.js";
import { checkGradients } from "../ops/check-gradients.js";
import { runOnnx } from "../ops/run-onnx.js";
import { fixedNumbers, largestError } from "../ops/sample-graph.js";

type Inputs = Readonly<Record<string, readonly number[] | NdArray>>;

/** Builds a program over f32 inputs of the given shapes and checks every gradient. */
function check<const I extends Inputs>(
  shapes: I,
  program: (b: GraphBuilder, x: Record<keyof I, Value>) => Value,
): { readonly graph: Graph; readonly arrays: ReadonlyMap<string, NdArray> } {
  const b = createGraphBuilder();
  const { values, arrays } = feed(b, shapes);
  const loss = program(b, values);
  const graph = withGradients(b, loss);
  verifyGraph(graph);
  checkGradients(graph, arrays, { most: 20 });
  return { graph, arrays };
}

function feed<const I extends Inputs>(
  b: GraphBuilder,
  shapes: I,
): { readonly values: Record<keyof I, Value>; readonly arrays: ReadonlyMap<string, NdArray> } {
  const arrays = new Map(
    Object.entries(shapes).map(([name, given], seed) => [
      name,
      "dtype" in given ? given : numbered(given, seed),
    ]),
  );
  const values = [...arrays].map(([name, x]) => [
    name,
    b.input(name, tensorType(x.dtype, x.shape)),
  ]);
  return { values: Object.fromEntries(values) as Record<keyof I, Value>, arrays };
}

function numbered(shape: readonly number[], seed: number): NdArray {
  const count = shape.reduce((n, dim) => n * dim, 1);
  return ndarray("f32", shape, fixedNumbers(count + 7 * seed).slice(7 * seed));
}

function withGradients(b: GraphBuilder, loss: Value): Graph {
  const floats = b.inputs.filter(({ value }) => isFloat(value.type.dtype));
  const { gradients, blocked } = differentiate(
    b,
    loss,
    floats.map(({ value }) => value),
  );
  expect(blocked).toEqual([]);
  return b.finish("program", [
    { name: "loss", value: loss },
    ...floats.flatMap(({ name }, i) => {
      const value = at(gradients, i);
      return value === null ? [] : [{ name: `d ${name}`, value }];
    }),
  ]);
}

const total = (b: GraphBuilder, x: Value): Value =>
  b.sum(x, { axes: x.type.shape.map((_, axis) => axis), keep: false });

describe("gradients of programs", () => {
  it("adds up the uses of one value", () => {
    check({ x: [3, 2] }, (b, { x }) => {
      const y = b.mul(x, b.exp(x));
      return total(b, b.add(b.mul(y, y), x));
    });
  });

  it("sums over axes that broadcast", () => {
    check({ x: [2, 3], row: [3], column: [2, 1], scalar: [] }, (b, { x, row, column, scalar }) =>
      total(b, b.mul(b.add(x, row), b.div(b.sub(column, scalar), b.shift(b.square(x), 2)))),
    );
  });

  it("goes through a two-layer perceptron with cross-entropy", () => {
    const labels = ndarray("i64", [4], [0, 2, 1, 2]);
    check(
      { x: [4, 5], w1: [5, 6], b1: [6], w2: [6, 3], b2: [3], labels },
      (b, { x, w1, b1, w2, b2, labels: y }) => {
        const hidden = b.emit("relu", [b.add(b.matmul(x, w1), b1)]);
        const logits = b.add(b.matmul(hidden, w2), b2);
        return b.mean(b.emit("softmax_cross_entropy", [logits, y]), { axes: [0], keep: false });
      },
    );
  });

  it("goes through convolution, normalization, pooling and cross-entropy, in ONNX Runtime too", async () => {
    const labels = ndarray("i64", [2], [1, 0]);
    const { graph, arrays } = check(
      { x: [2, 2, 6, 6], w: [3, 2, 3, 3], scale: [3], bias: [3], head: [3, 2], labels },
      (b, { x, w, scale, bias, head, labels: y }) => {
        const c = b.emit("conv", [x, w], { stride: [1, 1], pads: [1, 1, 1, 1] });
        const normal = at(b.emitAll("batch_norm", [c, scale, bias]), 0);
        const active = b.emit("relu", [normal]);
        const pooled = b.emit("max_pool", [active], {
          kernel: [3, 3],
          stride: [2, 2],
          pads: [1, 1, 1, 1],
        });
        const averaged = b.emit("avg_pool", [pooled], { kernel: [3, 3], stride: [1, 1] });
        const logits = b.matmul(b.emit("flatten", [averaged]), head);
        return b.mean(b.emit("softmax_cross_entropy", [logits, y]), { axes: [0], keep: false });
      },
    );
    const expected = interpret(graph, arrays);
    expect([...expected.keys()]).toContain("d w");
    for (const [name, result] of await runOnnx(graph, arrays))
      expect(largestError(result, expected.get(name) ?? result), name).toBeLessThan(1e-5);
  });

  it("goes through attention with shared projections", () => {
    check({ x: [2, 3, 4], w: [4, 4] }, (b, { x, w }) => {
      const q = b.matmul(x, w);
      const scores = b.softmax(b.scale(b.matmul(q, b.transposeLast(x)), 0.5), 2);
      return total(b, b.square(b.matmul(scores, q)));
    });
  });
});

describe("second derivatives", () => {
  it("differentiates a gradient again", () => {
    const b = createGraphBuilder();
    const { values, arrays } = feed(b, { x: [3], w: [3, 2] });
    const { x, w } = values;
    const y = b.sigmoid(b.matmul(b.reshape(x, [1, 3]), w));
    const first = at(differentiate(b, total(b, b.mul(y, y)), [x]).gradients, 0);
    if (first === null) throw new Error("the loss depends on x");
    // A gradient penalty, whose own gradient is checked.
    const graph = withGradients(b, total(b, b.square(first)));
    checkGradients(graph, arrays);
  });

  it("differentiates the gradients of convolutions", () => {
    const b = createGraphBuilder();
    const { values, arrays } = feed(b, { x: [1, 2, 5, 4], w: [2, 2, 3, 2] });
    const { x, w } = values;
    const y = b.emit("conv", [x, w], { stride: [2, 1], pads: [1, 0, 1, 1] });
    const { gradients } = differentiate(b, total(b, b.mul(b.square(y), y)), [x, w]);
    const parts = gradients.flatMap((g) => (g === null ? [] : [total(b, b.square(g))]));
    expect(parts.length).toBe(2);
    checkGradients(withGradients(b, b.add(at(parts, 0), at(parts, 1))), arrays);
  });
});

describe("what is differentiated", () => {
  const scalar = tensorType("f32", []);

  it("gives null where the loss does not depend on a value", () => {
    const b = createGraphBuilder();
    const [x, y] = [b.input("x", scalar), b.input("y", scalar)];
    const { gradients } = differentiate(b, b.exp(x), [x, y]);
    expect(gradients.map((g) => g !== null)).toEqual([true, false]);
  });

  it("gives one for the loss itself", () => {
    const b = createGraphBuilder();
    const x = b.input("x", scalar);
    const { gradients } = differentiate(b, x, [x]);
    const value = at(gradients, 0);
    if (value === null) throw new Error("x is the loss");
    const graph = b.finish("one", [{ name: "dx", value }]);
    expect(interpret(graph, new Map([["x", ndarray("f32", [], [3])]])).get("dx")?.data[0]).toBe(1);
  });

  it("stops at stop_gradient, at integers and at a comparison", () => {
    const b = createGraphBuilder();
    const x = b.input("x", tensorType("f32", [3]));
    const stopped = b.emit("stop_gradient", [x]);
    const index = b.emit("argmax", [x]);
    const hot = b.oneHot(index, { depth: 3, dtype: "f32" });
    const mask = b.cast(b.greater(x, b.constant(0)), "f32");
    const loss = total(b, b.add(b.add(stopped, hot), mask));
    expect(differentiate(b, loss, [x])).toEqual({ gradients: [null], blocked: [] });
  });

  it("lists nodes that block a gradient", () => {
    const b = createGraphBuilder();
    const g = b.input("g", tensorType("f32", [1, 1, 2, 2]));
    const x = b.input("x", tensorType("f32", [1, 1, 4, 4]));
    const dx = b.emit("max_pool_grad", [g, x], { kernel: [2, 2], stride: [2, 2] });
    const { gradients, blocked } = differentiate(b, total(b, dx), [g]);
    expect(gradients).toEqual([null]);
    expect(blocked.map((node) => node.op)).toEqual(["max_pool_grad"]);
  });

  it("does not visit what no gradient needs", () => {
    const b = createGraphBuilder();
    const [x, w] = [
      b.input("x", tensorType("f32", [2, 3])),
      b.input("w", tensorType("f32", [3, 4])),
    ];
    const loss = total(b, b.matmul(b.exp(x), w));
    const value = at(differentiate(b, loss, [w]).gradients, 0);
    if (value === null) throw new Error("the loss depends on w");
    const products = b
      .finish("gradient", [{ name: "dw", value }])
      .nodes.filter((n) => n.op === "matmul");
    expect(products.length).toBe(1);
  });

  it("carries spans and scopes over to gradients", () => {
    const span = { source: createSource("a.pipe", "exp(x)"), start: 0, end: 6 };
    const b = createGraphBuilder();
    const x = b.input("x", scalar);
    const y = b.within({ span, scope: "model.head" }, () => b.exp(x));
    const before = b.nodes.length;
    differentiate(b, y, [x]);
    const emitted = b.nodes.slice(before).filter((node) => node.op !== "constant");
    expect(emitted.map(({ op, scope, span: at }) => ({ op, scope, at }))).toEqual([
      { op: "mul", scope: "model.head", at: span },
    ]);
  });

  it("splits the gradient of equal elements evenly", () => {
    const b = createGraphBuilder();
    const x = b.input("x", tensorType("f32", [3]));
    const y = b.input("y", tensorType("f32", [3]));
    const loss = b.add(b.emit("amax", [x], { axes: [0] }), total(b, b.maximum(x, y)));
    const { gradients } = differentiate(b, loss, [x, y]);
    const named = gradients.flatMap((value, i) =>
      value === null ? [] : [{ name: `${i}`, value }],
    );
    const results = interpret(
      b.finish("ties", named),
      new Map([
        ["x", ndarray("f32", [3], [2, 1, 2])],
        ["y", ndarray("f32", [3], [2, 0, 5])],
      ]),
    );
    expect([...(results.get("0")?.data ?? [])]).toEqual([1, 1, 0.5]);
    expect([...(results.get("1")?.data ?? [])]).toEqual([0.5, 0, 1]);
  });
});
