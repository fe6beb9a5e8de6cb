/** Models: what they hold according to an independent decoder, and what onnxruntime-node computes. */

import onnxProto from "onnx-proto";
import { describe, expect, test } from "vitest";
import { at } from "../../grammar/invariant.js";
import { createSource } from "../../grammar/source.js";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import { bindDims } from "../../compiler/ir/bind-dims.js";
import { namedDim } from "../../compiler/ir/dim.js";
import type { Graph, NamedValue, Value } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { dtypes, tensorType } from "../../compiler/ir/type.js";
import { generate, type NdArray, ndarray } from "../../compiler/ops/kit/ndarray.js";
import { decodeModel } from "../../compiler/onnx/codec.js";
import { buildModel, type EmitOptions, emitOnnx } from "../../compiler/onnx/emit.js";
import { runModel } from "./run-model.js";

const options: EmitOptions = {
  target: { device: "cpu", opset: 18, purpose: "train" },
  producerVersion: "0.1.0",
};

const decode = (graph: Graph, overrides: Partial<EmitOptions> = {}) => {
  const model = onnxProto.onnx.ModelProto.decode(emitOnnx(graph, { ...options, ...overrides }));
  const { node, input, output, initializer, valueInfo } = model.graph ?? {};
  return {
    model,
    node: node ?? [],
    initializer: initializer ?? [],
    valueInfo: valueInfo ?? [],
    inputs: (input ?? []).map(({ name }) => name),
    outputs: (output ?? []).map(({ name }) => name),
  };
};

const batch = namedDim("B");
const source = createSource("net.pipe", "block A\n  y = relu(x @ w)\n");

/** `relu(x @ w) * 2 + 1`, in a block, with a symbolic batch. */
function dense(): Graph {
  const b = createGraphBuilder();
  const x = b.input("x", tensorType("f32", [batch, 3]));
  const w = b.input("model.w", tensorType("f32", [3, 2]));
  const y = b.within({ span: { source, start: 14, end: 20 }, scope: "model.layer1.0" }, () =>
    b.shift(b.scale(b.emit("relu", [b.matmul(x, w)]), 2), 1),
  );
  return b.finish("dense", [{ name: "y", value: y }]);
}

/** The same graph with other identities. */
function mapIds(graph: Graph, change: (id: number) => number): Graph {
  const value = ({ id, type }: Value): Value => ({ id: change(id), type });
  const named = (entry: NamedValue): NamedValue => ({ ...entry, value: value(entry.value) });
  return {
    ...graph,
    inputs: graph.inputs.map(named),
    outputs: graph.outputs.map(named),
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(value),
      outputs: node.outputs.map(value),
    })),
  };
}

const wave = (dtype: NdArray["dtype"], shape: readonly number[]): NdArray =>
  generate(dtype, shape, (index) => Math.sin(1 + index.reduce((sum, i) => sum * 5 + i, 0)));

function expectClose(
  actual: ReadonlyMap<string, NdArray>,
  expected: ReadonlyMap<string, NdArray>,
): void {
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  for (const [name, array] of expected) {
    expect(actual.get(name)?.dtype).toBe(array.dtype);
    expect(actual.get(name)?.shape).toEqual(array.shape);
    array.data.forEach((value, i) => expect(actual.get(name)?.data[i]).toBeCloseTo(value, 5));
  }
}

async function expectRuns(graph: Graph, inputs: Readonly<Record<string, NdArray>>): Promise<void> {
  const feeds = new Map(Object.entries(inputs));
  expectClose(await runModel(emitOnnx(graph, options), feeds), interpret(graph, feeds));
}

describe("the model", () => {
  test("holds standard operators of the asked opset under readable names", () => {
    const { model, node } = decode(dense());
    expect(Number(model.irVersion)).toBe(8);
    expect(model.producerName).toBe("saic");
    expect(model.opsetImport?.map(({ domain, version }) => [domain, Number(version)])).toEqual([
      ["", 18],
    ]);
    expect(node.map(({ opType }) => opType)).toEqual(["MatMul", "Relu", "Mul", "Add"]);
    expect(new Set(node.map(({ domain }) => domain))).toEqual(new Set([""]));
    for (const { name } of node) expect(name).toMatch(/^model\.layer1\.0\/[a-z]+_\d+$/);
  });

  test("keeps the names of inputs and outputs, and describes every value between", () => {
    const { inputs, outputs, node, valueInfo } = decode(dense());
    expect(inputs).toEqual(["x", "model.w"]);
    expect(outputs).toEqual(["y"]);
    expect(at(node, -1).output).toEqual(["y"]);
    expect(valueInfo.map(({ name }) => name)).toEqual(
      node.slice(0, -1).flatMap(({ output }) => output ?? []),
    );
    const dims = at(valueInfo, 0).type?.tensorType?.shape?.dim ?? [];
    expect(dims.map(({ dimParam, dimValue }) => dimParam || Number(dimValue))).toEqual(["B", 2]);
  });

  test("writes a symbolic dim as its polynomial", () => {
    const b = createGraphBuilder();
    const x = b.input("x", tensorType("f32", [batch, 3]));
    const y = b.concat([x, x], 0);
    const model = buildModel(b.finish("twice", [{ name: "y", value: y }]), options);
    expect(model.graph?.output?.[0]?.type?.tensorType?.shape?.dim).toEqual([
      { dimParam: "2 * B" },
      { dimValue: 3 },
    ]);
  });

  test("says where every node comes from", () => {
    const { graph } = decodeModel(emitOnnx(dense(), options));
    for (const { metadataProps } of graph?.node ?? [])
      expect(metadataProps).toEqual([
        { key: "source", value: "net.pipe:2:7" },
        { key: "scope", value: "model.layer1.0" },
      ]);
  });

  test("carries metadata of its own, in the order given", () => {
    const { model } = decode(dense(), { metadata: { stage: "pretrain", hash: "abc" } });
    expect(model.metadataProps?.map(({ key, value }) => [key, value])).toEqual([
      ["stage", "pretrain"],
      ["hash", "abc"],
    ]);
  });

  test("takes the IR version of the opset", () => {
    const opsets = [17, 18, 19, 20, 21, 22, 23, 24, 25, 26];
    const versions = opsets.map(
      (opset) =>
        buildModel(dense(), { ...options, target: { ...options.target, opset } }).irVersion,
    );
    expect(versions).toEqual([8, 8, 9, 9, 10, 10, 11, 12, 13, 13]);
  });

  test("shares equal constants and keeps different ones apart", () => {
    const b = createGraphBuilder();
    const x = b.input("x", tensorType("f32", [2]));
    const y = b.add(b.scale(x, 3), b.scale(b.emit("relu", [x]), 3));
    const z = b.scale(y, 0.5);
    const { initializer } = decode(b.finish("constants", [{ name: "z", value: z }]));
    expect(initializer.map(({ dims, rawData }) => [dims?.length, [...(rawData ?? [])]])).toEqual([
      [0, [0, 0, 64, 64]],
      [0, [0, 0, 0, 63]],
    ]);
  });

  test("is the same bytes for equal graphs", () => {
    const graph = dense();
    const renamed = mapIds(graph, (id) => 1000 - id);
    expect(at(renamed.nodes, 0).outputs).not.toEqual(at(graph.nodes, 0).outputs);
    expect(emitOnnx(renamed, options)).toEqual(emitOnnx(graph, options));
  });

  test("refuses a formulation that does not exist", () => {
    expect(() => emitOnnx(dense(), { ...options, formulation: () => "wishful" })).toThrow(
      "no formulation wishful",
    );
  });

  test("refuses an output with the name of an input", () => {
    const b = createGraphBuilder();
    const x = b.input("x", tensorType("f32", [2]));
    const graph = b.finish("clash", [{ name: "x", value: b.neg(x) }]);
    expect(() => emitOnnx(graph, options)).toThrow("share a name");
  });
});

describe("a forced formulation", () => {
  test("is the one that is written", () => {
    const b = createGraphBuilder();
    const x = b.input("x", tensorType("f32", [4]));
    const graph = b.finish("c", [{ name: "y", value: b.add(x, b.constant(2, "f32", [4])) }]);
    const chosen = decode(graph).node.map(({ opType }) => opType);
    const forced = decode(graph, {
      formulation: (_, op) => (op.name === "constant" ? "expand" : undefined),
    }).node.map(({ opType }) => opType);
    expect(chosen).toEqual(["Add"]);
    expect(forced).toEqual(["Expand", "Add"]);
  });
});

describe("onnxruntime-node", () => {
  test("computes what the reference computes, at two batch sizes of one model", async () => {
    const graph = dense();
    const model = emitOnnx(graph, options);
    for (const size of [1, 5]) {
      const feeds = new Map([
        ["x", wave("f32", [size, 3])],
        ["model.w", wave("f32", [3, 2])],
      ]);
      const bound = bindDims(graph, new Map([["B", size]]));
      expectClose(await runModel(model, feeds), interpret(bound, feeds));
    }
  });

  test("sees one value under two output names, an input as an output and a constant as an output", async () => {
    const b = createGraphBuilder();
    const x = b.input("x", tensorType("f32", [2]));
    const y = b.neg(x);
    const graph = b.finish("aliases", [
      { name: "first", value: y },
      { name: "second", value: y },
      { name: "same", value: x },
      { name: "fixed", value: b.constant(7, "f32", [2]) },
      { name: "after", value: b.emit("relu", [y]) },
    ]);
    expect(decode(graph).outputs).toEqual(["first", "second", "same", "fixed", "after"]);
    await expectRuns(graph, { x: ndarray("f32", [2], [-1, 2]) });
  });

  test("keeps names apart that would clash", async () => {
    const b = createGraphBuilder();
    const x = b.input("neg_1", tensorType("f32", [1]));
    const graph = b.finish("clash", [{ name: "neg_2", value: b.neg(b.neg(b.neg(x))) }]);
    await expectRuns(graph, { neg_1: ndarray("f32", [1], [3]) });
  });

  test("takes and gives i64, i32, u8, bool, f64", async () => {
    const b = createGraphBuilder();
    const outputs = (["i64", "i32", "u8", "f64"] as const).map((dtype) => {
      const x = b.input(`x.${dtype}`, tensorType(dtype, [3]));
      return { name: `y.${dtype}`, value: b.add(x, b.constant(2, dtype, [3])) };
    });
    const mask = b.input("mask", tensorType("bool", [3]));
    const flipped = { name: "flipped", value: b.emit("not", [mask]) };
    await expectRuns(b.finish("dtypes", [...outputs, flipped]), {
      "x.i64": ndarray("i64", [3], [2 ** 40, -1, 0]),
      "x.i32": ndarray("i32", [3], [-5, 0, 7]),
      "x.u8": ndarray("u8", [3], [0, 100, 250]),
      "x.f64": ndarray("f64", [3], [1e-12, 2, -3]),
      mask: ndarray("bool", [3], [1, 0, 1]),
    });
  });

  test("reads constants of every dtype as they were meant", async () => {
    for (const dtype of dtypes) {
      const b = createGraphBuilder();
      const y = b.emit("cast", [b.constant(1, dtype, [2])], { dtype: "f32" });
      await expectRuns(b.finish("constant", [{ name: "y", value: y }]), {});
    }
  });

  test("loads a model with metadata on nodes under IR 8, and under the IR of later opsets", async () => {
    for (const opset of [18, 21, 23]) {
      const target = { ...options.target, opset };
      const graph = bindDims(dense(), new Map([["B", 2]]));
      const feeds = new Map([
        ["x", wave("f32", [2, 3])],
        ["model.w", wave("f32", [3, 2])],
      ]);
      const result = await runModel(emitOnnx(graph, { ...options, target }), feeds);
      expectClose(result, interpret(graph, feeds));
    }
  });
});
