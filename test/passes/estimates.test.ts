/** Memory and cost of graphs whose answers can be counted by hand. */

import { describe, expect, test } from "vitest";
import { bindDims } from "../../compiler/ir/bind-dims.js";
import { costOf } from "../../compiler/ir/cost.js";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import { namedDim } from "../../compiler/ir/dim.js";
import type { Graph, Value } from "../../compiler/ir/graph.js";
import { estimateMemory } from "../../compiler/ir/memory.js";
import { expandBodies } from "../../compiler/passes/expand-bodies.js";
import { printType, tensorType } from "../../compiler/ir/type.js";

/** One `x: f32[B, 64]`, that is 256 bytes for each row. */
function graphOf(body: (b: ReturnType<typeof createGraphBuilder>, x: Value) => Value): Graph {
  const b = createGraphBuilder();
  const x = b.input("x", tensorType("f32", [namedDim("B"), 64]));
  return b.finish("g", [{ name: "y", value: body(b, x) }]);
}

const one = new Map([["B", 1]]);

describe("memory", () => {
  test("a chain of element-by-element ops needs one buffer besides input and output", () => {
    const chain = graphOf((b, x) => b.exp(b.square(b.exp(b.square(x)))));
    expect(estimateMemory(chain, one)).toEqual({
      peakBytes: 3 * 256,
      inputBytes: 256,
      outputBytes: 256,
      savedBytes: 0,
    });
  });

  test("a value needed later is held, and counts as saved at the peak", () => {
    // Like a gradient: the first results are needed last.
    const graph = graphOf((b, x) => {
      const p = b.exp(x);
      const q = b.exp(p);
      const r = b.softmax(q, 1);
      return b.mul(b.mul(b.softmax(r, 1), q), p);
    });
    // At the second softmax: x, p, q, r and its result; p and q are kept across it.
    expect(estimateMemory(graph, one)).toEqual({
      peakBytes: 5 * 256,
      inputBytes: 256,
      outputBytes: 256,
      savedBytes: 2 * 256,
    });
  });

  test("an op that is defined by a body needs what its body needs", () => {
    const graph = (write: boolean): Graph => {
      const b = createGraphBuilder();
      const [g, x] = ["g", "x"].map((name) => b.input(name, tensorType("f32", [8, 64])));
      const scale = b.input("scale", tensorType("f32", [64]));
      const [dx] = b.emitAll("layer_norm_grad", [g ?? scale, x ?? scale, scale]);
      const made = b.finish("g", [{ name: "dx", value: dx ?? scale }]);
      return write ? expandBodies.run(made) : made;
    };
    const [coarse, written] = [graph(false), graph(true)].map((each) => estimateMemory(each));
    const inputs = 2 * 8 * 256 + 256;
    expect(coarse?.peakBytes).toBeGreaterThan(inputs + 8 * 256);
    expect(written?.peakBytes).toBeLessThanOrEqual(coarse?.peakBytes ?? 0);
  });

  test("grows with the batch", () => {
    const chain = graphOf((b, x) => b.exp(b.square(x)));
    const rows = new Map([["B", 10]]);
    expect(estimateMemory(chain, rows).peakBytes).toBe(10 * estimateMemory(chain, one).peakBytes);
  });

  test("a graph without nodes holds its inputs", () => {
    expect(
      estimateMemory(
        graphOf((_, x) => x),
        one,
      ),
    ).toMatchObject({
      peakBytes: 256,
      outputBytes: 256,
    });
  });

  test("refuses dims without a number", () => {
    expect(() => estimateMemory(graphOf((b, x) => b.exp(x)))).toThrow("is not bound");
  });
});

describe("cost", () => {
  test("a matrix product is two operations per multiply-add", () => {
    const b = createGraphBuilder();
    const x = b.input("x", tensorType("f32", [namedDim("B"), 3]));
    const w = b.input("w", tensorType("f32", [3, 5]));
    const graph = b.finish("g", [{ name: "y", value: b.matmul(x, w) }]);
    expect(costOf(graph, new Map([["B", 4]]))).toEqual({
      flops: 2 * 4 * 3 * 5,
      bytes: 4 * (4 * 3 + 3 * 5 + 4 * 5),
    });
  });

  test("layout ops move bytes and compute nothing", () => {
    const graph = graphOf((b, x) => b.transpose(x, [1, 0]));
    expect(costOf(graph, one)).toEqual({ flops: 0, bytes: 512 });
  });
});

test("binding dims reaches types and attributes, and leaves other names", () => {
  const [rows, columns] = [namedDim("B"), namedDim("C")];
  const b = createGraphBuilder();
  const x = b.input("x", tensorType("f32", [rows, columns]));
  const graph = b.finish("g", [{ name: "y", value: b.reshape(x, [columns, rows]) }]);
  const bound = bindDims(graph, new Map([["B", 2]]));
  expect(printType(bound.inputs[0]?.value.type ?? x.type)).toBe("f32[2, C]");
  expect(bound.nodes[0]?.attrs["shape"]).toEqual([columns, 2]);
});
