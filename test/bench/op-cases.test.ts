/** The graphs of single ops that are timed against PyTorch. */

import { describe, expect, test } from "vitest";
import { graphOf, opCases } from "../../bench/op-cases.js";
import { emitOnnx } from "../../compiler/onnx/emit.js";
import { runPasses } from "../../compiler/passes/pipeline.js";

const target = { device: "cpu", opset: 18, purpose: "train" } as const;

describe("timed ops", () => {
  test("every case compiles to a graph of what it names", () => {
    for (const opCase of opCases) {
      const graph = runPasses(graphOf(opCase));
      const gradients = opCase.wrt.map((name) => `d${name}`);
      const results = opCase.pass === "gradient" ? gradients : ["y", ...gradients];
      expect(graph.outputs.map(({ name }) => name)).toEqual(results);
      expect(emitOnnx(graph, { target, producerVersion: "0" }).length).toBeGreaterThan(0);
    }
  });

  test("the cotangent is read as it is given: nothing is computed for the sake of the benchmark", () => {
    const graph = graphOf({
      op: "matmul",
      inputs: ["a", "b"].map((name) => ({ name, shape: [2, 2] })),
      attrs: {},
      pass: "gradient",
      wrt: ["a"],
    });
    expect(runPasses(graph).nodes.map(({ op }) => op)).toEqual(["transpose", "matmul"]);
  });

  test("no two have the same title", () => {
    expect(new Set(opCases.map(({ title }) => title)).size).toBe(opCases.length);
  });
});
