/** Makes a graph of another in which some nodes are replaced, or that lacks those that nobody needs. */

import { at, invariant } from "../../grammar/invariant.js";
import type { GraphBuilder } from "../ir/builder.js";
import { createGraphBuilder, liveNodes } from "../ir/create-builder.js";
import type { Graph, Node, Value } from "../ir/graph.js";
import { printType, sameType } from "../ir/type.js";

/** Builds the new outputs of a node, whose inputs are those of the new graph. */
export type Replacement = (
  b: GraphBuilder,
  node: Node,
  renew: (value: Value) => Value,
) => readonly Value[];

/**
 * The graph in which some nodes are what replaces them, without those that no output needs then. New
 * nodes keep the span and scope of the node they replace, and have the types of its outputs. All
 * other nodes and their values stay the same: where few are replaced, little is made.
 */
export function patch(graph: Graph, replacements: ReadonlyMap<Node, Replacement>): Graph {
  const b = createGraphBuilder(firstFreeId(graph));
  const renewed = new Map<number, Value>();
  const renew = (value: Value): Value => renewed.get(value.id) ?? value;
  const moved = (node: Node): Node =>
    node.inputs.some(({ id }) => renewed.has(id))
      ? { ...node, inputs: node.inputs.map(renew) }
      : node;
  const nodes: Node[] = [];
  for (const original of graph.nodes) {
    const node = moved(original);
    const replacement = replacements.get(original);
    if (replacement === undefined) {
      nodes.push(node);
      continue;
    }
    const before = b.nodes.length;
    const outputs = b.within(node, () => replacement(b, node, renew));
    for (let i = before; i < b.nodes.length; i++) nodes.push(at(b.nodes, i));
    for (const [i, old] of node.outputs.entries()) {
      const value = at(outputs, i);
      requireType(old, value);
      renewed.set(old.id, value);
    }
  }
  const outputs = graph.outputs.map(({ name, value }) => ({ name, value: renew(value) }));
  return { ...graph, nodes: liveNodes(nodes, outputs), outputs };
}

function firstFreeId({ inputs, nodes }: Graph): number {
  let last = -1;
  for (const { value } of inputs) last = Math.max(last, value.id);
  for (const { outputs } of nodes) for (const { id } of outputs) last = Math.max(last, id);
  return last + 1;
}

function requireType(old: Value, value: Value): void {
  if (!sameType(value.type, old.type))
    invariant(false, `%${old.id} of type ${printType(old.type)} became ${printType(value.type)}`);
}

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
