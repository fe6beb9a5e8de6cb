/** Gives numbers to the names in a graph's shapes. */

import { invariant } from "../../grammar/invariant.js";
import { type Dim, substitute } from "./dim.js";
import type { AttrValue, Attrs, Graph, NamedValue, Value } from "./graph.js";
import { isNumeric } from "./type.js";

/** The graph with every bound name replaced, in types and attributes; other names stay. */
export function bindDims(graph: Graph, bindings: ReadonlyMap<string, Dim>): Graph {
  if (bindings.size === 0 || !hasNames(graph)) return graph;
  // A value occurs once where it is made and once per use.
  const known = new Map<number, Value>();
  const bindDim = (dim: Dim): Dim => {
    const bound = substitute(dim, bindings);
    invariant(bound !== null, "a dim divides by zero under these bindings");
    return bound;
  };
  const bindValue = (value: Value): Value => {
    const earlier = known.get(value.id);
    if (earlier !== undefined) return earlier;
    const bound = isNumeric(value.type.shape)
      ? value
      : { ...value, type: { ...value.type, shape: value.type.shape.map(bindDim) } };
    known.set(value.id, bound);
    return bound;
  };
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
  if (!Object.values(attrs).some(holdsSymbols)) return attrs;
  const bind = (value: AttrValue): AttrValue => {
    if (typeof value !== "object") return value;
    return "terms" in value
      ? bindDim(value)
      : value.map((item) => (typeof item === "number" ? item : bindDim(item)));
  };
  return Object.fromEntries(Object.entries(attrs).map(([name, value]) => [name, bind(value)]));
}

const hasNames = ({ inputs, nodes }: Graph): boolean =>
  inputs.some(({ value }) => !isNumeric(value.type.shape)) ||
  nodes.some(
    (node) =>
      node.outputs.some(({ type }) => !isNumeric(type.shape)) ||
      Object.values(node.attrs).some(holdsSymbols),
  );

const holdsSymbols = (value: AttrValue): boolean =>
  typeof value === "object" && ("terms" in value || value.some((item) => typeof item !== "number"));
