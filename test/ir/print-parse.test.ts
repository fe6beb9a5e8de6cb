/** The printed form of graphs, and reading it back. */

import { describe, expect, it } from "vitest";
import { InvariantError } from "../../grammar/invariant.js";
import { createSource } from "../../grammar/source.js";
import { differentiate } from "../../compiler/autodiff/differentiate.js";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import { addDims, floorDivide, multiplyDims, namedDim } from "../../compiler/ir/dim.js";
import { parseGraph } from "../../compiler/ir/parse.js";
import { printGraph } from "../../compiler/ir/print.js";
import { tensorType } from "../../compiler/ir/type.js";
import { verifyGraph } from "../../compiler/ir/verify.js";
import { ops } from "../../compiler/ops/index.js";
import { graphOf, partsOf } from "../ops/sample-graph.js";

const step = `graph @step(%x: f32[8, 3, 6, 6], %"model.conv1.weight": f32[4, 3, 3, 3], %s: f32[4]) {
  %3 = conv(%x, %"model.conv1.weight") {stride = [1, 1], pads = [1, 1, 1, 1], dilation = [1, 1], groups = 1} : f32[8, 4, 6, 6]
  %4, %5, %6 = batch_norm(%3, %s, %s) {eps = 0.00001} : f32[8, 4, 6, 6], f32[4], f32[4]
  %7 = mean(%4) {axes = [0, 1, 2, 3], keep = false} : f32[]
  return loss = %7, "state/mean" = %5, x = %x
}
`;

describe("printed graphs", () => {
  it("read back and print the same", () => {
    const graph = parseGraph(step);
    verifyGraph(graph);
    expect(printGraph(graph)).toBe(step);
    expect(graph.outputs.map(({ name }) => name)).toEqual(["loss", "state/mean", "x"]);
  });

  it("keep symbolic dims, words and infinities", () => {
    const b = createGraphBuilder();
    const [n, h] = [namedDim("B"), namedDim("H")];
    const rows = addDims(multiplyDims(floorDivide(addDims(h, 2), 3), n), -1);
    const x = b.input("x", tensorType("f32", [n, rows, h]));
    const flat = b.reshape(x, [multiplyDims(n, rows), h]);
    const shifted = b.shift(b.cast(flat, "f64"), -Infinity);
    const graph = b.finish("symbolic", [{ name: "y", value: shifted }]);
    const text = printGraph(graph);
    expect(text).toContain('cast(%1) {dtype = "f64"}');
    expect(text).toContain("value = -inf");
    const again = parseGraph(text);
    verifyGraph(again);
    expect(printGraph(again)).toBe(text);
  });

  it("round-trip for every op and sample", () => {
    for (const op of ops.values())
      for (const sample of op.samples) {
        const text = printGraph(graphOf(op, partsOf(op, sample)));
        const again = parseGraph(text);
        verifyGraph(again);
        expect(printGraph(again)).toBe(text);
      }
  });

  it("number values in order, whatever their ids", () => {
    const b = createGraphBuilder();
    const x = b.input("x", tensorType("f32", [2]));
    b.exp(x);
    const y = b.square(x);
    const text = printGraph(b.finish("ids", [{ name: "y", value: y }]));
    expect(text).toBe("graph @ids(%x: f32[2]) {\n  %1 = square(%x) : f32[2]\n  return y = %1\n}\n");
  });

  it("show origins on request only, as comments that are not read", () => {
    const span = { source: createSource("a.pipe", "\n  exp(x)"), start: 3, end: 9 };
    const b = createGraphBuilder();
    const x = b.input("x", tensorType("f32", []));
    const y = b.within({ span, scope: "model" }, () => b.exp(x));
    const graph = b.finish("origins", [{ name: "y", value: y }]);
    expect(printGraph(graph)).not.toContain("//");
    const text = printGraph(graph, { origins: true });
    expect(text).toContain("%1 = exp(%x) : f32[]  // a.pipe:2:3 @model\n");
    expect(printGraph(parseGraph(text))).toBe(printGraph(graph));
  });

  it("leave out nodes that no output needs", () => {
    const b = createGraphBuilder();
    const x = b.input("x", tensorType("f32", []));
    const loss = b.mul(x, x);
    differentiate(b, loss, [x]);
    expect(b.nodes.length).toBeGreaterThan(1);
    expect(b.finish("forward", [{ name: "loss", value: loss }]).nodes.length).toBe(1);
  });

  it.each([
    [
      "an undefined value",
      "graph @g() { %0 = exp(%x) : f32[] return y = %0 }",
      "%x is not defined",
    ],
    ["a value defined twice", "graph @g(%x: f32[], %x: f32[]) { return }", "%x is defined twice"],
    ["another dtype", "graph @g(%x: f31[]) { return }", "f31 is not a dtype"],
    ["text after the end", "graph @g() { return } }", "unexpected }"],
    ["a missing bracket", "graph @g(%x: f32[2) { return }", "expected"],
  ])("refuse %s", (_, text, message) => {
    expect(() => parseGraph(text)).toThrow(InvariantError);
    expect(() => parseGraph(text)).toThrow(message);
  });
});
