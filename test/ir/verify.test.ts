/** Faults that `verifyGraph` finds. */

import { describe, expect, it } from "vitest";
import { InvariantError, at } from "../../grammar/invariant.js";
import type { Graph } from "../../compiler/ir/graph.js";
import { parseGraph } from "../../compiler/ir/parse.js";
import { tensorType } from "../../compiler/ir/type.js";
import { verifyGraph } from "../../compiler/ir/verify.js";

const good = parseGraph(`graph @good(%x: f32[2, 3], %w: f32[3, 4]) {
  %2 = matmul(%x, %w) : f32[2, 4]
  %3 = softmax(%2) {axis = 1} : f32[2, 4]
  return y = %3, z = %2
}`);
const [product, soft] = [at(good.nodes, 0), at(good.nodes, 1)];

const faults: readonly (readonly [string, Graph, string])[] = [
  ["nodes out of order", { ...good, nodes: [soft, product] }, "not defined before it"],
  [
    "a value defined twice",
    { ...good, nodes: [product, product, soft] },
    "the value with id 2 is defined twice",
  ],
  [
    "two inputs of one name",
    { ...good, inputs: [at(good.inputs, 0), { ...at(good.inputs, 1), name: "x" }] },
    "two inputs are named `x`",
  ],
  [
    "two outputs of one name",
    { ...good, outputs: good.outputs.map((output) => ({ ...output, name: "y" })) },
    "two outputs are named `y`",
  ],
  [
    "a type that is not inferred",
    {
      ...good,
      nodes: [
        { ...product, outputs: [{ ...at(product.outputs, 0), type: tensorType("f32", [2, 5]) }] },
        soft,
      ],
    },
    "output 0 of `matmul` is f32[2, 5] instead of f32[2, 4]",
  ],
  ["an unknown op", { ...good, nodes: [{ ...product, op: "matmull" }, soft] }, "no op `matmull`"],
  [
    "attributes that are not normalized",
    { ...good, nodes: [product, { ...soft, attrs: { axis: -1 } }] },
    "not complete and normalized",
  ],
  [
    "missing attributes",
    { ...good, nodes: [product, { ...soft, attrs: {} }] },
    "not complete and normalized",
  ],
  [
    "inputs that the op refuses",
    { ...good, nodes: [{ ...product, inputs: product.inputs.toReversed() }, soft] },
    "`matmul` is refused: cannot contract 4 with 2",
  ],
  ["an output that is not defined", { ...good, nodes: [product] }, "the output `y` is not defined"],
];

describe("verifyGraph", () => {
  it("accepts a good graph", () => {
    expect(() => verifyGraph(good)).not.toThrow();
  });

  it.each(faults)("finds %s", (_, graph, message) => {
    expect(() => verifyGraph(graph)).toThrow(InvariantError);
    expect(() => verifyGraph(graph)).toThrow(message);
  });

  it("shows the nodes around the fault", () => {
    expect(() => verifyGraph({ ...good, nodes: [product, { ...soft, attrs: {} }] })).toThrow(
      "  %2 = matmul(%x, %w) : f32[2, 4]\n> %3 = softmax(%2) : f32[2, 4]",
    );
  });
});
