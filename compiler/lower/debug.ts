/** A graph that shows every float value it computes, for finding where numbers go wrong. */

import type { Graph, NamedValue, Node } from "../ir/graph.js";
import { isFloat } from "../ir/type.js";
import { valueName } from "./naming.js";

export interface DebugGraph {
  readonly graph: Graph;
  /** By output. */
  readonly origins: ReadonlyMap<string, Node>;
}

/** Constants apart, which are what they are. */
export function showingAll(graph: Graph, name: string): DebugGraph {
  const outputs: NamedValue[] = [];
  const origins = new Map<string, Node>();
  for (const node of graph.nodes) {
    if (node.inputs.length === 0) continue;
    for (const value of node.outputs) {
      if (!isFloat(value.type.dtype)) continue;
      const output = valueName(outputs.length);
      outputs.push({ name: output, value });
      origins.set(output, node);
    }
  }
  return { graph: { ...graph, name, outputs }, origins };
}
