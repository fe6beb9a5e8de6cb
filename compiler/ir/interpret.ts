/** Runs a graph by the ops' reference implementations, in f64. */

import { at, invariant } from "../../grammar/invariant.js";
import { opNamed } from "../ops/index.js";
import { scopeOf } from "../ops/kit/infer-op.js";
import type { NdArray } from "../ops/kit/ndarray.js";
import type { Graph, Node } from "./graph.js";

/** The outputs by name, from the inputs by name. All shapes must be bound. */
export function interpret(
  graph: Graph,
  inputs: ReadonlyMap<string, NdArray>,
): ReadonlyMap<string, NdArray> {
  const values = new Map<number, NdArray>();
  for (const { name, value } of graph.inputs) {
    const given = inputs.get(name);
    invariant(given !== undefined, `the input ${name} is not given`);
    values.set(value.id, given);
  }
  for (const node of graph.nodes)
    for (const [i, result] of runNode(node, values).entries())
      values.set(at(node.outputs, i).id, result);
  return new Map(graph.outputs.map(({ name, value }) => [name, lookUp(values, value.id)]));
}

function runNode(node: Node, values: ReadonlyMap<number, NdArray>): readonly NdArray[] {
  const op = opNamed(node.op);
  const operands = node.inputs.map((input) => lookUp(values, input.id));
  const results = op.reference(scopeOf(op, operands, node.attrs));
  return "dtype" in results ? [results] : results;
}

function lookUp(values: ReadonlyMap<number, NdArray>, id: number): NdArray {
  const value = values.get(id);
  invariant(value !== undefined, `the value ${id} is used before it is computed`);
  return value;
}
