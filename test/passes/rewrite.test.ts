/** The rewriting driver: what patterns find, and what they must leave alone. */

import { describe, expect, test } from "vitest";
import { at } from "../../grammar/invariant.js";
import { createSource } from "../../grammar/source.js";
import type { GraphBuilder } from "../../compiler/ir/builder.js";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import { namedDim } from "../../compiler/ir/dim.js";
import type { Graph, Value } from "../../compiler/ir/graph.js";
import { tensorType } from "../../compiler/ir/type.js";
import { any, named, op, shared, splat } from "../../compiler/passes/pattern.js";
import { type Rule, rewritePass, rule } from "../../compiler/passes/rewrite.js";

const opsOf = (graph: Graph): readonly string[] => graph.nodes.map((node) => node.op);

const run = (graph: Graph, ...rules: readonly Rule[]): Graph =>
  rewritePass({ name: "test", summary: "", example: { before: "", after: "" }, rules }).run(graph);

/** A graph over `x` and `w`, both f32[B, 2]. */
function graphOf(body: (b: GraphBuilder, x: Value, w: Value) => readonly Value[]): Graph {
  const b = createGraphBuilder();
  const type = tensorType("f32", [namedDim("B"), 2]);
  const outputs = body(b, b.input("x", type), b.input("w", type));
  return b.finish(
    "g",
    outputs.map((value, i) => ({ name: `y${i}`, value })),
  );
}

/** exp(a) * exp(b) = exp(a + b) */
const productOfExps = rule({
  match: op("mul", op("exp", any("a")), op("exp", any("b"))),
  replace: (b, { a, b: other }) => b.exp(b.add(a, other)),
});

const toExp = (name: string): Rule =>
  rule({ match: op(name, any("x"), splat(2)), replace: (b, { x }) => b.exp(x) });

const constantFirst = (name: string): Graph =>
  graphOf((b, x) => [b.emit(name, [b.constant(2, "f32", [1, 2]), x])]);

const summed = (axis: "kept" | "dropped"): Graph =>
  graphOf((b, x) => [b.sum(x, { axes: [1], keep: axis === "kept" })]);

describe("a rule", () => {
  test("replaces what its pattern finds", () => {
    const graph = graphOf((b, x, w) => [b.mul(b.exp(x), b.exp(w))]);
    expect(opsOf(run(graph, productOfExps))).toEqual(["add", "exp"]);
  });

  test("cascades into what it has made", () => {
    const graph = graphOf((b, x, w) => [b.mul(b.mul(b.exp(x), b.exp(w)), b.exp(w))]);
    expect(opsOf(run(graph, productOfExps))).toEqual(["add", "add", "exp"]);
  });

  test.each([
    ["another node", (b: GraphBuilder, e: Value, y: Value) => [y, b.neg(e)]],
    ["a graph output", (_: GraphBuilder, e: Value, y: Value) => [y, e]],
  ])("never swallows a value that %s still needs", (_, outputs) => {
    const graph = graphOf((b, x, w) => {
      const e = b.exp(x);
      return outputs(b, e, b.mul(e, b.exp(w)));
    });
    expect(run(graph, productOfExps)).toBe(graph);
  });

  test("goes around a shared value where it asks to", () => {
    const doubleNegation = rule({
      match: op("neg", shared(op("neg", any("x")))),
      replace: (_, { x }) => x,
    });
    const graph = graphOf((b, x) => {
      const minus = b.emit("neg", [x]);
      return [b.emit("neg", [minus]), minus];
    });
    const result = run(graph, doubleNegation);
    expect(opsOf(result)).toEqual(["neg"]);
    expect(at(result.outputs, 0).value.id).toBe(at(result.inputs, 0).value.id);
  });

  test("tries commutative ops both ways, others only as written", () => {
    expect(opsOf(run(constantFirst("mul"), toExp("mul")))).toEqual(["exp"]);
    expect(opsOf(run(constantFirst("div"), toExp("div")))).toEqual(["constant", "div"]);
  });

  test("wants one value for one name", () => {
    const difference = rule({
      match: op("sub", any("x"), any("x")),
      replace: (b, { x }) => b.scale(x, 0),
    });
    const of = (same: "same" | "other"): Graph =>
      graphOf((b, x, w) => [b.sub(b.exp(x), same === "same" ? b.exp(x) : w)]);
    expect(
      opsOf(
        run(
          graphOf((b, x) => [b.sub(x, x)]),
          difference,
        ),
      ),
    ).toContain("mul");
    expect(opsOf(run(of("other"), difference))).toContain("sub");
    expect(opsOf(run(of("same"), difference))).toContain("sub");
  });

  test("may capture nodes and refuse on what they say", () => {
    const narrow = rule({
      match: named("node", op("sum", any("x"))),
      where: ({ node }) => node.attrs["keep"] === true,
      replace: (b, { x }) => b.emit("slice", [x], { axis: 1, from: 0, to: 1 }),
    });
    expect(opsOf(run(summed("kept"), narrow))).toEqual(["slice"]);
    expect(opsOf(run(summed("dropped"), narrow))).toEqual(["sum"]);
  });

  test("gives what it makes the place of what it replaces", () => {
    const span = { source: createSource("a.pipe", "exp"), start: 0, end: 3 };
    const graph = graphOf((b, x, w) => {
      const [p, q] = b.within({ span: null, scope: "inner" }, () => [b.exp(x), b.exp(w)] as const);
      return [b.within({ span, scope: "outer" }, () => b.mul(p, q))];
    });
    for (const node of run(graph, productOfExps).nodes)
      expect([node.span, node.scope]).toEqual([span, "outer"]);
  });

  test("keeps the types of what it replaces", () => {
    const wrong = rule({
      match: op("exp", any("x")),
      replace: (b, { x }) => b.sum(x, { axes: [1], keep: false }),
    });
    expect(() =>
      run(
        graphOf((b, x) => [b.exp(x)]),
        wrong,
      ),
    ).toThrow("of type f32[B, 2] became f32[B]");
  });

  test("that undoes another is found out", () => {
    const there = rule({ match: op("exp", any("x")), replace: (b, { x }) => b.square(x) });
    const back = rule({ match: op("square", any("x")), replace: (b, { x }) => b.exp(x) });
    const graph = graphOf((b, x) => [b.exp(x)]);
    expect(() => run(graph, there, back)).toThrow("the rules of `test` undo each other");
  });
});
