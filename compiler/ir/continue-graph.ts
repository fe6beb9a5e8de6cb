/** Goes on building where a finished graph stands: its values are found again by their old ids. */

import { at } from "../../grammar/invariant.js";
import type { GraphBuilder } from "./builder.js";
import { createGraphBuilder } from "./create-builder.js";
import type { Graph, Value } from "./graph.js";

export interface Continued {
  readonly builder: GraphBuilder;
  /** The value in the new builder for one of the graph. */
  readonly moved: ReadonlyMap<number, Value>;
}

export function continueGraph(graph: Graph): Continued {
  const builder = createGraphBuilder();
  const moved = new Map<number, Value>();
  for (const { name, value } of graph.inputs) moved.set(value.id, builder.input(name, value.type));
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => moved.get(input.id) ?? input);
    const outputs = builder.within(node, () => builder.copy(node, inputs));
    node.outputs.forEach((output, i) => moved.set(output.id, at(outputs, i)));
  }
  return { builder, moved };
}
