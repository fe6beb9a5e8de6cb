/** Every op and every sample: shapes, ONNX Runtime, gradients, sharding, FLOPs and words. */

import { describe, expect, it } from "vitest";
import { at } from "../../grammar/invariant.js";
import { differentiate } from "../../compiler/autodiff/differentiate.js";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import type { Graph } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { isFloat, tensorType } from "../../compiler/ir/type.js";
import { verifyGraph } from "../../compiler/ir/verify.js";
import type { Op } from "../../compiler/ops/define.js";
import { ops } from "../../compiler/ops/index.js";
import { scopeOf } from "../../compiler/ops/kit/infer-op.js";
import { expandBodies } from "../../compiler/passes/expand-bodies.js";
import { type NdArray, boundShape, countOf, ndarray } from "../../compiler/ops/kit/ndarray.js";
import { checkGradients } from "./check-gradients.js";
import { checkSharding } from "./check-sharding.js";
import { cpuTarget, runOnnx } from "./run-onnx.js";
import { type SampleParts, fixedNumbers, graphOf, largestError, partsOf } from "./sample-graph.js";

const reserved = ["y", "dy", "ys", "dys", "why"];

for (const op of ops.values()) {
  describe(op.name, () => {
    it("says what it is and why", () => {
      expect(op.summary).toMatch(/^[A-Z`].*[.]$/);
      expect(op.reason).toMatch(/[.]$/);
      expect(op.samples.length).toBeGreaterThan(0);
      // An op is written by formulations or by a body.
      expect(op.formulations.length === 0).toBe(op.body !== undefined);
      expect(op.formulations.at(-1)?.when).toBeUndefined();
      if (op.body !== undefined) expect(op.coarse).toBeDefined();
      const names = op.formulations.map((formulation) => formulation.name);
      expect(new Set(names).size).toBe(names.length);
      for (const name of [...Object.keys(op.inputs), ...Object.keys(op.attrs)])
        expect(reserved).not.toContain(name);
    });

    const used = new Set<string>();
    for (const sample of op.samples) {
      const parts = partsOf(op, sample);
      const graph = graphOf(op, parts);
      const node = at(graph.nodes, 0);
      const types = scopeOf(
        op,
        node.inputs.map((input) => input.type),
        node.attrs,
      );

      it(`${parts.why}: the reference has the inferred type`, () => {
        verifyGraph(graph);
        for (const { name, value } of graph.outputs) {
          const result = interpret(graph, parts.inputs).get(name);
          expect(result?.shape).toEqual(value.type.shape);
          expect(result?.dtype).toBe(value.type.dtype);
          expect([...(result?.data ?? [NaN])].every(Number.isFinite)).toBe(true);
        }
        const flops = op.flops(types);
        expect(Number.isFinite(flops) && flops >= 0).toBe(true);
      });

      for (const formulation of op.formulations) {
        if (formulation.when?.(types, cpuTarget) === false) continue;
        used.add(formulation.name);
        it(`${parts.why}: ${formulation.name} agrees in ONNX Runtime`, async () => {
          const expected = interpret(graph, parts.inputs);
          const actual = await runOnnx(graph, parts.inputs, () => formulation.name);
          for (const [name, result] of expected) {
            const other = actual.get(name);
            expect(other?.shape).toEqual(result.shape);
            expect(other && largestError(other, result)).toBeLessThan(1e-5);
          }
        });
      }

      if (op.body !== undefined)
        it(`${parts.why}: its body agrees with the reference, and in ONNX Runtime`, async () => {
          const expected = interpret(graph, parts.inputs);
          const written = expandBodies.run(graph);
          verifyGraph(written);
          expect(written.nodes.map((each) => each.op)).not.toContain(op.name);
          const loops = interpret(written, parts.inputs);
          const actual = await runOnnx(graph, parts.inputs);
          for (const [name, result] of expected) {
            const [body, other] = [loops.get(name), actual.get(name)];
            expect(other?.shape).toEqual(result.shape);
            expect(body && largestError(body, result)).toBeLessThan(1e-9);
            expect(other && largestError(other, result)).toBeLessThan(1e-5);
          }
        });

      if (op.coarse !== undefined)
        it(`${parts.why}: called as a function it gives the same bits`, async () => {
          const inline = await runOnnx(graph, parts.inputs);
          const called = await runOnnx(graph, parts.inputs, undefined, "keep");
          for (const [name, result] of inline) expect(called.get(name)).toEqual(result);
        });

      it(`${parts.why}: shards as it says`, () => {
        checkSharding(op, graph, parts.inputs);
      });

      const differentiable = [...parts.inputs.values()].some((x) => isFloat(x.dtype));
      const passes = graph.outputs.some(({ value }) => isFloat(value.type.dtype));
      if (op.vjp !== null && differentiable && passes && !stopsGradients(op))
        it(`${parts.why}: has the right gradient`, () => {
          const loss = lossOf(op, parts);
          checkGradients(loss.graph, loss.inputs, { most: 25 });
        });
    }

    it("has a sample for each formulation", () => {
      expect([...used].toSorted()).toEqual(op.formulations.map((f) => f.name).toSorted());
    });
  });
}

/** Ops whose whole point is that the numerical slope is not the gradient. */
const stopsGradients = (op: Op): boolean => op.name === "stop_gradient";

/**
 * A scalar that weighs every element of every float output differently, with its gradients; and the
 * weights, which are inputs of their own.
 */
function lossOf(
  op: Op,
  parts: SampleParts,
): { readonly graph: Graph; readonly inputs: ReadonlyMap<string, NdArray> } {
  const b = createGraphBuilder();
  const values = [...parts.inputs].map(([name, x]) => b.input(name, tensorType(x.dtype, x.shape)));
  const wrt = b.inputs.filter(({ value }) => isFloat(value.type.dtype));
  const weights = new Map<string, NdArray>();
  let loss = b.constant(0);
  for (const output of b.emitAll(op.name, values, parts.attrs)) {
    if (!isFloat(output.type.dtype)) continue;
    const shape = boundShape(output.type.shape);
    const name = `weights ${weights.size}`;
    weights.set(name, ndarray("f32", shape, fixedNumbers(countOf(shape))));
    const weighed = b.mul(output, b.input(name, output.type));
    loss = b.add(loss, b.sum(weighed, { axes: shape.map((_, axis) => axis), keep: false }));
  }
  const { gradients, blocked } = differentiate(
    b,
    loss,
    wrt.map(({ value }) => value),
  );
  expect(blocked).toEqual([]);
  const named = wrt.map(({ name, value }, i) => ({
    name: `d ${name}`,
    value: gradients[i] ?? b.expand(b.constant(0), value.type.shape),
  }));
  const graph = b.finish("loss", [{ name: "loss", value: loss }, ...named]);
  return { graph, inputs: new Map([...parts.inputs, ...weights]) };
}

it("runs integers as well", async () => {
  const b = createGraphBuilder();
  const x = b.input("x", tensorType("i64", [4]));
  const y = b.input("y", tensorType("i64", [4]));
  const names = ["add", "sub", "mul", "div", "maximum", "minimum"];
  const outputs = names.map((name) => ({ name, value: b.emit(name, [x, y]) }));
  outputs.push({ name: "sum", value: b.sum(x, { axes: [0], keep: false }) });
  const graph = b.finish("integers", outputs);
  const inputs = new Map([
    ["x", ndarray("i64", [4], [7, -7, 9, 0])],
    ["y", ndarray("i64", [4], [2, 2, -3, 5])],
  ]);
  const expected = interpret(graph, inputs);
  expect([...(expected.get("div")?.data ?? [])]).toEqual([3, -3, -3, 0]);
  for (const [name, result] of await runOnnx(graph, inputs))
    expect([...result.data], name).toEqual([...(expected.get(name)?.data ?? [])].map((v) => v + 0));
});
