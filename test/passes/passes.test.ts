/** Every pass: its example, its own promises, and that no pass changes what a graph computes. */

import { describe, expect, test } from "vitest";
import { at } from "../../grammar/invariant.js";
import type { GraphBuilder } from "../../compiler/ir/builder.js";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import type { Graph, Value } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { parseGraph } from "../../compiler/ir/parse.js";
import { printGraph } from "../../compiler/ir/print.js";
import { tensorType } from "../../compiler/ir/type.js";
import { verifyGraph } from "../../compiler/ir/verify.js";
import { canonicalize } from "../../compiler/passes/canonicalize.js";
import { foldConstants } from "../../compiler/passes/fold-constants.js";
import { mergeProducts } from "../../compiler/passes/merge-products.js";
import type { Pass } from "../../compiler/passes/pass.js";
import { pipeline, runPasses } from "../../compiler/passes/pipeline.js";
import { simplifyProducts } from "../../compiler/passes/simplify-products.js";
import { shareSubexpressions } from "../../compiler/passes/share-subexpressions.js";
import { boundShape, generate } from "../../compiler/ops/kit/ndarray.js";

const opsOf = (graph: Graph): readonly string[] => graph.nodes.map((node) => node.op);

function graphOf(body: (b: GraphBuilder, x: Value) => readonly Value[]): Graph {
  const b = createGraphBuilder();
  const outputs = body(b, b.input("x", tensorType("f32", [2, 3])));
  return b.finish(
    "g",
    outputs.map((value, i) => ({ name: `y${i}`, value })),
  );
}

describe.each(pipeline.map((pass) => [pass.name, pass] as const))("%s", (_, pass) => {
  test("does what its example shows", () => {
    const after = printGraph(pass.run(parseGraph(pass.example.before)));
    expect(after).toBe(printGraph(parseGraph(pass.example.after)));
    expect(after).not.toBe(printGraph(parseGraph(pass.example.before)));
  });

  test("keeps what random graphs compute", () => {
    for (let seed = 1; seed <= 60; seed++) expectSameResults(randomGraph(seed), pass.run);
  });
});

describe("merge-products", () => {
  const products = (result: string, last: string): Graph =>
    parseGraph(`
graph @g(%x: f32[2, 8], %y: f32[2, 8], %g: f32[2, 8], %h: f32[2, 8], %v: f32[2, 1]) {
  %5 = transpose(%x) {order = [1, 0]} : f32[8, 2]
  %6 = matmul(%5, %g) : f32[8, 8]
  %7 = transpose(%y) {order = [1, 0]} : f32[8, 2]
  %8 = matmul(%7, %h) : f32[8, 8]
  ${last}
  return y = ${result}
}`);

  test("merges beside other terms, and a constant's product too", () => {
    const graph = products(
      "%14",
      `%9 = constant() {value = 0.5, dtype = "f32", shape = [8, 2]} : f32[8, 2]
  %10 = matmul(%9, %g) : f32[8, 8]
  %11 = add(%6, %10) : f32[8, 8]
  %12 = exp(%6) : f32[8, 8]
  %13 = add(%11, %12) : f32[8, 8]
  %14 = add(%13, %8) : f32[8, 8]`,
    );
    expectSameResults(graph, mergeProducts.run);
    // %6 has a second use: it stays.
    expect(opsOf(mergeProducts.run(graph)).filter((op) => op === "matmul")).toHaveLength(2);
  });

  test("leaves products of different shapes alone", () => {
    const graph = products(
      "%12",
      `%9 = transpose(%v) {order = [1, 0]} : f32[1, 2]
  %10 = matmul(%9, %h) : f32[1, 8]
  %11 = add(%6, %10) : f32[8, 8]
  %12 = mul(%11, %8) : f32[8, 8]`,
    );
    expect(printGraph(mergeProducts.run(graph))).toBe(printGraph(graph));
  });
});

describe("the pipeline", () => {
  test("keeps what random graphs compute, and leaves nothing for a second run", () => {
    for (let seed = 100; seed <= 160; seed++) {
      const graph = randomGraph(seed);
      expectSameResults(graph, runPasses);
      const once = runPasses(graph);
      expect(printGraph(runPasses(once))).toBe(printGraph(once));
    }
  });

  test("lists each pass once", () => {
    expect(new Set(pipeline.map((pass) => pass.name)).size).toBe(pipeline.length);
  });

  test("names the pass that breaks a graph", () => {
    const broken: Pass = {
      name: "break",
      summary: "",
      example: { before: "", after: "" },
      run: (graph) => ({ ...graph, nodes: graph.nodes.slice(1) }),
    };
    const graph = graphOf((b, x) => [b.exp(b.square(x))]);
    expect(() => runPasses(graph, [broken])).toThrow("after pass `break`");
  });
});

describe("fold-constants", () => {
  test("rounds as the runtime would", () => {
    const graph = graphOf((b, x) => [b.mul(x, b.scale(b.constant(0.1), 3))]);
    const filling = foldConstants.run(graph).nodes[0]?.attrs["value"];
    expect(filling).toBe(Math.fround(Math.fround(0.1) * 3));
    expect(filling).not.toBe(0.1 * 3);
  });

  test("leaves overflow, fed values and sums alone", () => {
    const graph = graphOf((b, x) => [
      b.div(b.constant(1), b.constant(0)),
      b.exp(x),
      b.sum(b.constant(1, "f32", [2, 3]), { axes: [0], keep: false }),
    ]);
    expect(opsOf(foldConstants.run(graph)).filter((name) => name !== "constant")).toEqual([
      "div",
      "exp",
      "sum",
    ]);
  });

  test("sees that padding adds zeros", () => {
    const [threes, zeros] = [3, 0].map((filling) =>
      graphOf((b) => [b.pad(b.constant(filling, "f32", [2]), [1], [0])]),
    );
    expect(threes && opsOf(foldConstants.run(threes))).toEqual(["constant", "pad"]);
    expect(zeros && opsOf(foldConstants.run(zeros))).toEqual(["constant"]);
  });

  test("passes comparisons and conversions through", () => {
    const graph = graphOf((b) => [
      b.cast(b.less(b.constant(1), b.constant(2)), "f32"),
      b.cast(b.constant(-1.5), "i64"),
    ]);
    const folded = foldConstants.run(graph);
    expect(folded.nodes.map(({ op, attrs }) => [op, attrs["value"]])).toEqual([
      ["constant", 1],
      ["constant", -1],
    ]);
  });
});

const canonicalOps = (body: (b: GraphBuilder, x: Value) => Value): readonly string[] =>
  opsOf(canonicalize.run(graphOf((b, x) => [body(b, x)])));

describe("canonicalize", () => {
  test.each<[string, (b: GraphBuilder, x: Value) => Value]>([
    ["x * 1", (b, x) => b.emit("mul", [x, b.constant(1)])],
    ["1 * x", (b, x) => b.emit("mul", [b.constant(1), x])],
    ["x / 1", (b, x) => b.emit("div", [x, b.constant(1)])],
    ["x + 0", (b, x) => b.emit("add", [x, b.constant(0, "f32", [3])])],
    ["x - 0", (b, x) => b.emit("sub", [x, b.constant(0)])],
    ["-(-x)", (b, x) => b.emit("neg", [b.emit("neg", [x])])],
    ["cast to its own dtype", (b, x) => b.emit("cast", [x], { dtype: "f32" })],
    ["reshape to its own shape", (b, x) => b.emit("reshape", [x], { shape: [2, 3] })],
    ["expand to its own shape", (b, x) => b.emit("expand", [x], { shape: [2, 3] })],
    ["transpose and back", (b, x) => b.transpose(b.transpose(x, [1, 0]), [1, 0])],
    ["1 spread out, times x", (b, x) => b.mul(b.expand(b.constant(1, "f32", [1, 1]), [2, 3]), x)],
    ["reshape and back", (b, x) => b.reshape(b.reshape(x, [6]), [2, 3])],
  ])("%s is x", (_, body) => {
    expect(canonicalOps(body)).toEqual([]);
  });

  test.each<[string, (b: GraphBuilder, x: Value) => Value, readonly string[]]>([
    [
      "a constant that broadcasts x",
      (b, x) => b.emit("mul", [x, b.constant(1, "f32", [4, 2, 3])]),
      ["constant", "mul"],
    ],
    [
      "a row spread out",
      (b, x) => b.mul(b.expand(b.sum(x, { axes: [0], keep: true }), [2, 3]), x),
      ["sum", "expand", "mul"],
    ],
    ["1 / x", (b, x) => b.emit("div", [b.constant(1), x]), ["constant", "div"]],
    ["0 - x", (b, x) => b.emit("sub", [b.constant(0), x]), ["constant", "sub"]],
    ["a transpose", (b, x) => b.transpose(x, [1, 0]), ["transpose"]],
    ["a cast", (b, x) => b.cast(x, "f64"), ["cast"]],
  ])("%s stays", (_, body, expected) => {
    expect(canonicalOps(body)).toEqual(expected);
  });

  test("three transposes become the one they add up to", () => {
    const b = createGraphBuilder();
    const x = b.input("x", tensorType("f32", [2, 3, 4]));
    const cycle = (y: Value): Value => b.transpose(y, [1, 2, 0]);
    const graph = canonicalize.run(b.finish("g", [{ name: "y", value: cycle(cycle(x)) }]));
    expect(graph.nodes.map(({ attrs }) => attrs["order"])).toEqual([[2, 0, 1]]);
  });

  test("constants go to the right of commutative ops", () => {
    const graph = canonicalize.run(graphOf((b, x) => [b.emit("mul", [b.constant(2), x])]));
    const [constant, product] = [at(graph.nodes, 0), at(graph.nodes, 1)];
    expect(product.inputs.map(({ id }) => id)).toEqual([
      at(graph.inputs, 0).value.id,
      at(constant.outputs, 0).id,
    ]);
  });
});

describe("simplify-products", () => {
  const factors = (c: number, d: number): readonly unknown[] =>
    simplifyProducts
      .run(graphOf((b, x) => [b.scale(b.scale(x, c), d)]))
      .nodes.flatMap(({ op, attrs }) => (op === "constant" ? [attrs["value"]] : []));

  test("merges factors only where no rounding is lost", () => {
    expect(factors(0.1, 0.25)).toEqual([0.1 * 0.25]);
    expect(factors(-2, 0.3)).toEqual([-2 * 0.3]);
    expect(factors(0.1, 0.3)).toEqual([0.1, 0.3]);
    expect(factors(2 ** 100, 2 ** 100)).toEqual([2 ** 100, 2 ** 100]);
    expect(factors(2 ** -100, 1.1 * 2 ** -49)).toEqual([2 ** -100, 1.1 * 2 ** -49]);
  });

  test("moves a factor to the smaller side of a product, and only there", () => {
    const scaled = (rows: number, columns: number, factor: number): readonly string[] => {
      const b = createGraphBuilder();
      const left = b.input("left", tensorType("f32", [rows, 3]));
      const right = b.input("right", tensorType("f32", [3, columns]));
      const y = b.scale(b.matmul(left, right), factor);
      return opsOf(simplifyProducts.run(b.finish("g", [{ name: "y", value: y }])));
    };
    expect(scaled(8, 8, 0.5)).toEqual(["constant", "mul", "matmul"]);
    expect(scaled(8, 8, 0.3)).toEqual(["matmul", "constant", "mul"]);
    expect(scaled(2, 2, 0.5)).toEqual(["matmul", "constant", "mul"]);
  });
});

describe("fusing", () => {
  const keepOps = (graph: Graph): readonly string[] => opsOf(runPasses(graph, "keep"));

  test("takes nothing apart that is read elsewhere too", () => {
    const dense = (twice: boolean): Graph =>
      graphOf((b, x) => {
        const bias = b.input("bias", tensorType("f32", [2]));
        const product = b.matmul(x, b.input("w", tensorType("f32", [3, 2])));
        return [b.add(product, bias), ...(twice ? [product] : [])];
      });
    expect(keepOps(dense(false))).toEqual(["gemm_bias"]);
    expect(keepOps(dense(true))).toEqual(["gemm", "add"]);

    const normal = (twice: boolean): Graph =>
      graphOf((b, x) => {
        const [scale, bias] = ["s", "b"].map((name) => b.input(name, tensorType("f32", [3])));
        const [y] = b.emitAll("batch_norm", [x, scale ?? x, bias ?? x]);
        return [b.emit("relu", [y ?? x]), ...(twice ? [y ?? x] : [])];
      });
    expect(keepOps(normal(false))).toEqual(["batch_norm_relu"]);
    expect(keepOps(normal(true))).toEqual(["batch_norm", "relu"]);
  });

  test("leaves products of batches and biases of other shapes alone", () => {
    const products = graphOf((b) => {
      const [a, w] = [
        [2, 2, 3],
        [2, 3, 2],
      ].map((shape, i) => b.input(`x${i}`, tensorType("f32", shape)));
      const bias = b.input("bias", tensorType("f32", [1]));
      const v = b.input("v", tensorType("f32", [3, 2]));
      const u = b.input("u", tensorType("f32", [2, 3]));
      return a && w ? [b.matmul(a, w), b.add(b.matmul(u, v), bias)] : [];
    });
    expect(keepOps(products)).toEqual(["matmul", "gemm", "add"]);
  });

  test("happens only where functions are kept", () => {
    const graph = graphOf((b, x) => [b.matmul(x, b.transposeLast(x))]);
    expect(keepOps(graph)).toEqual(["gemm"]);
    expect(opsOf(runPasses(graph))).toEqual(["transpose", "matmul"]);
  });
});

describe("share-subexpressions", () => {
  test("merges chains, not only single nodes", () => {
    const graph = graphOf((b, x) => [b.add(b.exp(b.square(x)), b.exp(b.square(x)))]);
    expect(opsOf(shareSubexpressions.run(graph))).toEqual(["square", "exp", "add"]);
  });

  test("keeps apart what differs in attributes or order", () => {
    const graph = graphOf((b, x) => [
      b.sum(x, { axes: [0], keep: false }),
      b.sum(x, { axes: [1], keep: false }),
      b.sub(x, b.constant(0)),
      b.sub(x, b.constant(-0)),
      b.sub(b.constant(0), x),
    ]);
    expect(opsOf(shareSubexpressions.run(graph)).filter((name) => name === "sub").length).toBe(3);
    expect(opsOf(shareSubexpressions.run(graph)).filter((name) => name === "sum").length).toBe(2);
  });
});

/** Reads, runs and compares every output. */
function expectSameResults(graph: Graph, transform: (graph: Graph) => Graph): void {
  const result = transform(graph);
  verifyGraph(result);
  expect(result.inputs.map(({ name }) => name)).toEqual(graph.inputs.map(({ name }) => name));
  const feeds = new Map(
    graph.inputs.map(({ name, value }, i) => [
      name,
      generate("f32", boundShape(value.type.shape), (index) =>
        Math.cos(i + index.reduce((sum, k) => sum * 7 + k, 1)),
      ),
    ]),
  );
  const [before, after] = [interpret(graph, feeds), interpret(result, feeds)];
  for (const [name, array] of before) {
    expect(after.get(name)?.shape).toEqual(array.shape);
    array.data.forEach((value, i) => {
      const tolerance = 1e-5 * Math.max(1, Math.abs(value));
      expect(Math.abs((after.get(name)?.data[i] ?? NaN) - value)).toBeLessThan(tolerance);
    });
  }
}

/** Twenty random ops over three inputs and small constants; many of them are trivial on purpose. */
function randomGraph(seed: number): Graph {
  let state = seed;
  const below = (bound: number): number => {
    state = (state * 48271) % 2147483647;
    return state % bound;
  };
  const b = createGraphBuilder();
  const shape = [2, 3];
  const pool = ["x", "w", "v"].map((name) => b.input(name, tensorType("f32", shape)));
  const pick = (): Value => at(pool, below(pool.length));
  const scalar = (): Value => b.constant(below(3) - 1, "f32", below(2) === 0 ? [] : [3]);
  const makers: readonly (() => Value)[] = [
    () => b.emit("add", [pick(), pick()]),
    () => b.emit("sub", [pick(), pick()]),
    () => b.emit("mul", [pick(), b.emit("sigmoid", [pick()])]),
    () => b.emit("mul", [scalar(), pick()]),
    () => b.emit("add", [pick(), scalar()]),
    () => b.emit("neg", [pick()]),
    () => b.emit("tanh", [pick()]),
    () => b.transpose(b.transpose(pick(), [1, 0]), [1, 0]),
    () => b.reshape(b.reshape(pick(), [3, 2]), shape),
    () => b.emit("reshape", [b.emit("transpose", [pick()], { order: [1, 0] })], { shape }),
    () => b.emit("expand", [b.emit("mul", [scalar(), scalar()])], { shape }),
    () => b.emit("cast", [pick()], { dtype: "f32" }),
    () => b.emit("div", [pick(), b.constant(1 + below(2))]),
  ];
  for (let i = 0; i < 20; i++) pool.push(at(makers, below(makers.length))());
  return b.finish("random", [
    { name: "last", value: at(pool, -1) },
    { name: "some", value: pick() },
    { name: "other", value: pick() },
  ]);
}
