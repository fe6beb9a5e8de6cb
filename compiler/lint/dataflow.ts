/** Tracing values back through a graph's nodes, as far as they stay what they are. */

import type { Node, Value } from "../ir/graph.js";

/** Ops that move, cut or copy elements and change none. */
export const movesElements: ReadonlySet<string> = new Set([
  "cast",
  "concat",
  "expand",
  "expand_like",
  "flatten",
  "flip",
  "gather",
  "reshape",
  "slice",
  "split",
  "squeeze",
  "stack",
  "stop_gradient",
  "take_along",
  "tile",
  "transpose",
  "unsqueeze",
]);

/** The node that makes each value, by the value's identity. */
export type Makers = ReadonlyMap<number, Node>;

export const makersOf = (nodes: readonly Node[]): Makers =>
  new Map(nodes.flatMap((node) => node.outputs.map(({ id }) => [id, node] as const)));

/** Every node that the values depend on, each once. */
export function nodesBehind(makers: Makers, values: readonly Value[]): readonly Node[] {
  const found = new Set<Node>();
  const open = [...values];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    const node = makers.get(value.id);
    if (node === undefined || found.has(node)) continue;
    found.add(node);
    open.push(...node.inputs);
  }
  return [...found];
}

/**
 * The first node of one of the `wanted` ops that a value comes from through nothing but ops that
 * keep elements as they are and nodes that `passes` accepts; `null` when there is none.
 */
export function originOf(
  makers: Makers,
  value: Value,
  wanted: ReadonlySet<string>,
  passes: (node: Node) => boolean,
): Node | null {
  const seen = new Set<number>();
  const open = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const node = makers.get(next.id);
    if (node === undefined || seen.has(next.id)) continue;
    seen.add(next.id);
    if (wanted.has(node.op)) return node;
    if (movesElements.has(node.op) || passes(node)) open.push(...node.inputs);
  }
  return null;
}
