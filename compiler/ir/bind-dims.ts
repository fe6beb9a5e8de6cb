/** Gives numbers to the names in a graph's shapes. */

import { invariant } from "../../grammar/invariant.js";
import { type Dim, substitute } from "./dim.js";
import type { AttrValue, Attrs, Graph, NamedValue, Value } from "./graph.js";

/** The graph with every bound name replaced, in types and attributes; other names stay. */
export function bindDims(graph: Graph, bindings: ReadonlyMap<string, Dim>): Graph {
  if (bindings.size === 0) return graph;
  const bindDim = (dim: Dim): Dim => {
    const bound = substitute(dim, bindings);
    invariant(bound !== null, "a dim divides by zero under these bindings");
    return bound;
  };
  const bindValue = (value: Value): Value => ({
    ...value,
    type: { ...value.type, shape: value.type.shape.map(bindDim) },
  });
  const bindNamed = ({ name, value }: NamedValue): NamedValue => ({
    name,
    value: bindValue(value),
  });
  return {
    name: graph.name,
    inputs: graph.inputs.map(bindNamed),
    outputs: graph.outputs.map(bindNamed),
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(bindValue),
      outputs: node.outputs.map(bindValue),
      attrs: bindAttrDims(node.attrs, bindDim),
    })),
  };
}

function bindAttrDims(attrs: Attrs, bindDim: (dim: Dim) => Dim): Attrs {
  const bind = (value: AttrValue): AttrValue => {
    if (typeof value !== "object") return value;
    return "terms" in value
      ? bindDim(value)
      : value.map((item) => (typeof item === "number" ? item : bindDim(item)));
  };
  return Object.fromEntries(Object.entries(attrs).map(([name, value]) => [name, bind(value)]));
}
