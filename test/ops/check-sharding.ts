/** Sharding rules held against their meaning: cut the inputs, run the parts, join the results. */

import { expect } from "vitest";
import { at } from "../../grammar/invariant.js";
import type { Attrs, Graph } from "../../compiler/ir/graph.js";
import type { Op } from "../../compiler/ops/define.js";
import { scopeOf } from "../../compiler/ops/kit/infer-op.js";
import { type NdArray, concatenated, sliced, zip } from "../../compiler/ops/kit/ndarray.js";
import type { ShardingRule } from "../../compiler/ops/kit/sharding.js";
import { largestError } from "./sample-graph.js";

/** Tries every factor that may be cut, and cuts it after its first element. */
export function checkSharding(op: Op, graph: Graph, inputs: ReadonlyMap<string, NdArray>): void {
  const node = at(graph.nodes, 0);
  const operands = [...inputs.values()];
  const rule = op.sharding(
    scopeOf(
      op,
      node.inputs.map((input) => input.type),
      node.attrs,
    ),
  );
  expect(rule.operands.map((axes) => axes.length)).toEqual(operands.map((x) => x.shape.length));
  expect(rule.results.map((axes) => axes.length)).toEqual(
    node.outputs.map((output) => output.type.shape.length),
  );
  const whole = run(op, operands, node.attrs);
  for (const [factor, role] of Object.entries(rule.factors)) {
    const extent = extentOf(rule, factor, operands, whole);
    if (role === "replicate" || extent < 2) continue;
    const parts = [
      { from: 0, to: 1, step: 1 },
      { from: 1, to: extent, step: 1 },
    ].map((cut) => {
      const own = operands.map((x, i) => cutAxis(x, at(rule.operands, i), factor, cut));
      return run(
        op,
        own,
        cutAttrs(op, {
          attrs: node.attrs,
          axes: at(rule.results, 0),
          factor,
          size: cut.to - cut.from,
        }),
      );
    });
    for (const [i, expected] of whole.entries()) {
      const axis = at(rule.results, i).indexOf(factor);
      const [first, second] = parts.map((part) => at(part, i));
      if (first === undefined || second === undefined) throw new Error("two parts are run");
      if (role === "parallel") expect(axis, `${factor} of result ${i}`).toBeGreaterThanOrEqual(0);
      else expect(axis, `${factor} of result ${i}`).toBe(-1);
      const joined =
        role === "parallel"
          ? concatenated([first, second], axis)
          : zip(first, second, (a, b) => a + b);
      expect(joined.shape).toEqual(expected.shape);
      expect(largestError(joined, expected), `${factor} is ${role}`).toBeLessThan(1e-12);
    }
  }
}

function run(op: Op, operands: readonly NdArray[], attrs: Attrs): readonly NdArray[] {
  const results = op.reference(scopeOf(op, operands, attrs));
  return "dtype" in results ? [results] : results;
}

function extentOf(
  rule: ShardingRule,
  factor: string,
  operands: readonly NdArray[],
  results: readonly NdArray[],
): number {
  const axes = [...rule.operands, ...rule.results];
  const extents = [...operands, ...results].flatMap((x, i) =>
    x.shape.filter((_, axis) => at(axes, i)[axis] === factor),
  );
  expect(new Set(extents).size, `extents of ${factor}`).toBe(1);
  return at(extents, 0);
}

const cutAxis = (
  x: NdArray,
  axes: readonly (string | null)[],
  factor: string,
  cut: { readonly from: number; readonly to: number; readonly step: number },
): NdArray => (axes.includes(factor) ? sliced(x, axes.indexOf(factor), cut) : x);

/** A `shape` attribute is the first output's shape and is cut with it. */
function cutAttrs(
  op: Op,
  cut: {
    readonly attrs: Attrs;
    readonly axes: readonly (string | null)[];
    readonly factor: string;
    readonly size: number;
  },
): Attrs {
  const entries = Object.entries(cut.attrs).map(([name, value]): [string, Attrs[string]] => {
    if (op.attrs[name]?.kind !== "shape" || !Array.isArray(value)) return [name, value];
    return [name, value.map((dim, i) => (cut.axes[i] === cut.factor ? cut.size : Number(dim)))];
  });
  return Object.fromEntries(entries);
}
