/**
 * Recomputation: the backward pass makes anew what lies inside the instances of `recompute`, from
 * what enters them, in place of values kept since the forward pass (Chen et al., 2016).
 */

import { at, invariant } from "../../grammar/invariant.js";
import type { Graph, Node, Value } from "../ir/graph.js";

/** One instance: what it computes, and what enters and leaves it. */
interface Region {
  /** In the forward pass, in order. */
  readonly nodes: readonly Node[];
  /** Values made inside and read nowhere else before the loss. */
  readonly interior: ReadonlySet<number>;
}

/**
 * The graph in which nodes after `forward` read copies of what the instances at `paths` compute, made
 * just before the first that needs them, once the cotangent is there that it begins with. Copies are
 * of the same ops on the same values, random ones among them. Where paths lie in each other, the
 * outermost counts.
 */
export function recomputing(
  graph: Graph,
  forward: ReadonlySet<Node>,
  paths: readonly string[],
): Graph {
  const outermost = paths.filter((path) => !paths.some((other) => path.startsWith(`${other}.`)));
  return outermost.reduce((current, path) => recomputingOne(current, forward, path), graph);
}

function recomputingOne(graph: Graph, forward: ReadonlySet<Node>, path: string): Graph {
  const region = regionOf(graph, forward, path);
  const isInside = (value: Value): boolean => region.interior.has(value.id);
  const made = new Set(
    graph.nodes.filter((node) => !forward.has(node)).flatMap((node) => node.outputs.map(idOf)),
  );
  const isCotangent = (value: Value): boolean => made.has(value.id);
  const first = graph.nodes.findIndex(
    (node) => !forward.has(node) && isWithin(node.scope, path) && node.inputs.some(isCotangent),
  );
  const since = graph.nodes[first]?.inputs.find(
    (value) => isCotangent(value) && value.type.dtype === "f32",
  );
  if (since === undefined) return graph;
  const later = graph.nodes.slice(first);
  const wanted = needed(region, later.flatMap((node) => node.inputs).filter(isInside));
  if (wanted.length === 0) return graph;
  const copies = copiesOf(graph, wanted, since);
  const renew = (value: Value): Value => copies.values.get(value.id) ?? value;
  return {
    ...graph,
    nodes: [
      ...graph.nodes.slice(0, first),
      ...copies.nodes,
      ...later.map((node) =>
        node.inputs.some((value) => copies.values.has(value.id))
          ? { ...node, inputs: node.inputs.map(renew) }
          : node,
      ),
    ],
  };
}

const idOf = ({ id }: Value): number => id;

const isWithin = (scope: string, path: string): boolean =>
  scope === path || scope.startsWith(`${path}.`);

/** What leaves the instance stays: what comes after needs it, or has it recomputed as its own input. */
function regionOf(graph: Graph, forward: ReadonlySet<Node>, path: string): Region {
  const nodes = graph.nodes.filter((node) => forward.has(node) && isWithin(node.scope, path));
  const own = new Set(nodes);
  const leaving = new Set(graph.outputs.map(({ value }) => value.id));
  for (const node of graph.nodes)
    if (forward.has(node) && !own.has(node)) for (const { id } of node.inputs) leaving.add(id);
  const interior = new Set(
    nodes.flatMap((node) => node.outputs.map(idOf)).filter((id) => !leaving.has(id)),
  );
  return { nodes, interior };
}

/** The instance's nodes that these values come from, in order. */
function needed({ nodes, interior }: Region, values: readonly Value[]): readonly Node[] {
  const wanted = new Set(values.map(idOf));
  const found: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some(({ id }) => wanted.has(id))) continue;
    found.push(node);
    for (const { id } of node.inputs) if (interior.has(id)) wanted.add(id);
  }
  return found.toReversed();
}

/**
 * The nodes again, on what enters them once `since` is there; what they make, by the first's id. A
 * node that reads nothing but inputs of the graph waits for `since` as well: else it would be merged
 * with the first.
 */
function copiesOf(
  graph: Graph,
  nodes: readonly Node[],
  since: Value,
): { readonly nodes: readonly Node[]; readonly values: ReadonlyMap<number, Value> } {
  let next = freeId(graph);
  const inside = new Set(nodes.flatMap(outputsOf).map(idOf));
  const given = new Set([
    ...graph.inputs.map(({ value }) => value.id),
    ...graph.nodes
      .filter(({ inputs }) => inputs.length === 0)
      .flatMap(outputsOf)
      .map(idOf),
  ]);
  const held = new Map<number, Value>();
  const values = new Map<number, Value>();
  const copies: Node[] = [];
  for (const node of nodes) {
    const { span, scope } = node;
    const hold = (value: Value): Value => {
      const output = held.get(value.id) ?? { id: next++, type: value.type };
      if (!held.has(value.id))
        copies.push({
          op: "after",
          inputs: [value, since],
          attrs: {},
          outputs: [output],
          span,
          scope,
        });
      held.set(value.id, output);
      return output;
    };
    const isBare = node.inputs.every(({ id }) => given.has(id));
    const inputs = node.inputs.map((value) => {
      if (given.has(value.id)) return isBare ? hold(value) : value;
      return inside.has(value.id) ? madeOf(values, value) : hold(value);
    });
    const outputs = node.outputs.map(({ type }) => ({ id: next++, type }));
    copies.push({ ...node, inputs, outputs });
    node.outputs.forEach(({ id }, i) => values.set(id, at(outputs, i)));
  }
  return { nodes: copies, values };
}

const freeId = ({ inputs, nodes }: Graph): number =>
  1 +
  [...inputs.map(({ value }) => value), ...nodes.flatMap(outputsOf)].reduce(
    (last, { id }) => Math.max(last, id),
    -1,
  );

const outputsOf = (node: Node): readonly Value[] => node.outputs;

function madeOf(values: ReadonlyMap<number, Value>, { id }: Value): Value {
  const value = values.get(id);
  invariant(value !== undefined, `%${id} is copied before it is read`);
  return value;
}
