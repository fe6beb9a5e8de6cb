/** Coarse ops as functions of the model: the same bits as written out, readable, and open to every tool. */

import onnxProto from "onnx-proto";
import { describe, expect, test } from "vitest";
import { at } from "../../grammar/invariant.js";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import { namedDim } from "../../compiler/ir/dim.js";
import type { Graph, Value } from "../../compiler/ir/graph.js";
import { tensorType } from "../../compiler/ir/type.js";
import { decodeModel, encodeModel } from "../../compiler/onnx/codec.js";
import { buildModel, type EmitOptions, emitOnnx } from "../../compiler/onnx/emit.js";
import { generate, type NdArray } from "../../compiler/ops/kit/ndarray.js";
import { runPasses } from "../../compiler/passes/pipeline.js";
import { differentiated } from "../../scripts/parity-graphs.js";
import { randomProgram } from "../../scripts/parity-programs.js";
import { runModel } from "./run-model.js";

const keep: EmitOptions = {
  target: { device: "cpu", opset: 18, purpose: "train" },
  producerVersion: "0.1.0",
  functions: "keep",
};

/** What a graph computes when its coarse ops are written out, and when they are called. */
async function bothWays(graph: Graph, feeds: ReadonlyMap<string, NdArray>): Promise<number> {
  const inline = emitOnnx(runPasses(graph), { ...keep, functions: "inline" });
  const called = emitOnnx(runPasses(graph, "keep"), keep);
  expect(decodeModel(inline).functions ?? []).toEqual([]);
  const expected = await runModel(inline, feeds);
  for (const [name, array] of await runModel(called, feeds))
    expect(array, `${graph.name}: ${name}`).toEqual(expected.get(name));
  return (decodeModel(called).functions ?? []).length;
}

const f32 = (shape: readonly number[]) => tensorType("f32", shape);

/** Two layers on `[2, 3, 4]`, each normalized, with a shortcut. */
function layers(): Graph {
  const b = createGraphBuilder();
  const x = b.input("x", f32([2, 3, 4]));
  const layer = (y: Value, i: number): Value => {
    const [scale, bias] = [b.input(`scale${i}`, f32([4])), b.input(`bias${i}`, f32([4]))];
    const normal = b.emit("layer_norm", [y, scale, bias]);
    const w = b.transposeLast(b.input(`w${i}`, f32([4, 4])));
    const c = b.input(`c${i}`, f32([4]));
    return b.add(b.add(b.matmul(b.emit("gelu", [normal]), w), c), y);
  };
  return b.finish("layers", [{ name: "y", value: layer(layer(x, 0), 1) }]);
}

const feedsOf = ({ inputs }: Graph): ReadonlyMap<string, NdArray> =>
  new Map(
    inputs.map(({ name, value }, i) => [
      name,
      generate(value.type.dtype, value.type.shape.map(Number), (index) =>
        Math.sin(i + index.reduce((sum, k) => sum * 5 + k, 1)),
      ),
    ]),
  );

describe("a function", () => {
  const model = buildModel(runPasses(layers(), "keep"), keep);
  const calls = (model.graph?.node ?? []).filter(({ domain }) => domain === "saic");

  test("is written once for all calls of the same body", () => {
    expect(calls.map(({ opType }) => opType)).toEqual(
      Array.from({ length: 2 }, () => ["LayerNorm", "Gelu", "GemmBiasResidual"]).flat(),
    );
    expect(model.functions?.map(({ domain, name, overload }) => [domain, name, overload])).toEqual([
      ["saic", "LayerNorm", "f32"],
      ["saic", "Gelu", "f32"],
      ["saic", "GemmBiasResidual", "f32"],
    ]);
    expect(model.irVersion).toBe(10);
    expect(model.opsetImport).toEqual([
      { domain: "", version: 18 },
      { domain: "saic", version: 1 },
    ]);
  });

  test("has a body of standard operators, and declares what its calls say", () => {
    for (const { node, opsetImport } of model.functions ?? []) {
      expect(new Set(node?.map(({ domain }) => domain ?? ""))).toEqual(new Set([""]));
      expect(opsetImport).toEqual([{ domain: "", version: 18 }]);
    }
    for (const call of calls) {
      const called = model.functions?.find(
        ({ name, overload }) => name === call.opType && overload === call.overload,
      );
      expect(call.attribute?.map(({ name }) => name) ?? []).toEqual(called?.attribute);
      expect(call.input?.length).toBe(called?.input?.length);
      expect(call.output?.length).toBe(called?.output?.length);
    }
  });

  test("is what an independent decoder reads, and the model's bytes come back", () => {
    const bytes = encodeModel(model);
    expect(encodeModel(decodeModel(bytes))).toEqual(bytes);
    const theirs = onnxProto.onnx.ModelProto.decode(bytes);
    const ours = decodeModel(bytes);
    expect(theirs.functions?.map(({ name, input, output }) => ({ name, input, output }))).toEqual(
      ours.functions?.map(({ name, input, output }) => ({ name, input, output })),
    );
    expect(theirs.functions?.map(({ node }) => node?.map(({ opType }) => opType))).toEqual(
      ours.functions?.map(({ node }) => node?.map(({ opType }) => opType)),
    );
  });

  test("is named by its types where bodies differ, and by a number where types do not tell", () => {
    const b = createGraphBuilder();
    const x = b.input("x", f32([2, 4, 6, 6]));
    const pool = (y: Value, stride: number): Value =>
      b.emit("avg_pool", [y], { kernel: [2, 2], stride: [stride, stride] });
    const outputs = [pool(x, 2), pool(x, 1), pool(pool(x, 1), 1)];
    const graph = b.finish(
      "pools",
      outputs.map((value, i) => ({ name: `y${i}`, value })),
    );
    const { functions } = buildModel(runPasses(graph, "keep"), keep);
    expect(functions?.map(({ overload }) => overload)).toEqual(["f32_2x4x6x6", "f32_2x4x6x6_2"]);
  });

  test("is not for symbolic shapes: those are written out", () => {
    const b = createGraphBuilder();
    const x = b.input("x", tensorType("f32", [namedDim("B"), 4]));
    const w = b.input("w", f32([4, 4]));
    const g = b.emit("silu", [b.matmul(x, w)]);
    const y = b.emit("silu_grad", [g, x, x]);
    const built = buildModel(runPasses(b.finish("open", [{ name: "y", value: y }]), "keep"), keep);
    expect(built.functions).toBeUndefined();
    expect(new Set(built.graph?.node?.map(({ domain }) => domain ?? ""))).toEqual(new Set([""]));
  });
});

describe("calls and what they call", () => {
  test("give the same bits in a graph of layers", async () => {
    const graph = layers();
    expect(await bothWays(graph, feedsOf(graph))).toBe(3);
  });

  test("give the same bits in random programs and their gradients", async () => {
    let functions = 0;
    for (let seed = 0; seed < 40; seed++) {
      const program = randomProgram(seed);
      const feeds = new Map(program.inputs.map(({ name, array }) => [name, array] as const));
      functions += await bothWays(differentiated(program), feeds);
    }
    expect(functions).toBeGreaterThan(80);
  });
});

test("updates and inference call nothing", () => {
  const b = createGraphBuilder();
  const x = b.input("x", f32([4]));
  const graph = b.finish("plain", [{ name: "y", value: b.shift(b.scale(x, 3), 1) }]);
  expect(buildModel(runPasses(graph, "keep"), keep)).toEqual(
    buildModel(runPasses(graph), { ...keep, functions: "inline" }),
  );
  expect(at(buildModel(graph, keep).opsetImport ?? [], 0).version).toBe(18);
});
