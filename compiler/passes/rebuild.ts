/** Writes a graph anew, node by node, so that a pass may replace some of them; ids become dense again. */

import { at, invariant } from "../../grammar/invariant.js";
import type { GraphBuilder } from "../ir/builder.js";
import { createGraphBuilder } from "../ir/create-builder.js";
import type { Graph, Node, Value } from "../ir/graph.js";
import { printType, sameType } from "../ir/type.js";

/**
 * Gives the new outputs of a node, whose inputs are already those of the new graph; `renew` takes
 * any earlier value of the old graph there.
 */
export type Visit = (
  b: GraphBuilder,
  node: Node,
  original: Node,
  renew: (value: Value) => Value,
) => readonly Value[];

/**
 * The graph in which every node is what `visit` makes of it; new nodes keep the span and scope of
 * the node they replace. Replacements must have the types of what they replace.
 */
export function rebuild(graph: Graph, visit: Visit): Graph {
  const b = createGraphBuilder();
  const renewed = new Map<number, Value>();
  const renew = (value: Value): Value => {
    const found = renewed.get(value.id);
    invariant(found, `%${value.id} is used before it is made`);
    return found;
  };
  for (const { name, value } of graph.inputs) renewed.set(value.id, b.input(name, value.type));
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(renew);
    const outputs = b.within(node, () => visit(b, { ...node, inputs }, node, renew));
    node.outputs.forEach((old, i) => {
      const value = at(outputs, i);
      if (!sameType(value.type, old.type))
        invariant(
          false,
          `%${old.id} of type ${printType(old.type)} became ${printType(value.type)}`,
        );
      renewed.set(old.id, value);
    });
  }
  return b.finish(
    graph.name,
    graph.outputs.map(({ name, value }) => ({ name, value: renew(value) })),
  );
}

/** The node as it is. */
export const copyNode: Visit = (b, node) => b.copy(node, node.inputs);

/** The graph without the nodes that no output needs, its values numbered anew; inputs stay. */
export function withoutDeadNodes(graph: Graph): Graph {
  const live = new Set(graph.outputs.map(({ value }) => value.id));
  const nodes = graph.nodes.toReversed().filter((node) => {
    if (!node.outputs.some((value) => live.has(value.id))) return false;
    for (const value of node.inputs) live.add(value.id);
    return true;
  });
  return renumbered({ ...graph, nodes: nodes.toReversed() });
}

/** The same graph; ids count from 0 through the inputs and then the nodes' outputs. */
function renumbered(graph: Graph): Graph {
  const renewed = new Map<number, Value>();
  const define = ({ id, type }: Value): Value => {
    const value = { id: renewed.size, type };
    renewed.set(id, value);
    return value;
  };
  const renew = (value: Value): Value => {
    const found = renewed.get(value.id);
    invariant(found, `%${value.id} is used before it is made`);
    return found;
  };
  return {
    name: graph.name,
    inputs: graph.inputs.map(({ name, value }) => ({ name, value: define(value) })),
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(renew),
      outputs: node.outputs.map(define),
    })),
    outputs: graph.outputs.map(({ name, value }) => ({ name, value: renew(value) })),
  };
}
