/** Computes equal expressions once. */

import { at } from "../../grammar/invariant.js";
import { printDim } from "../ir/dim.js";
import type { AttrValue, Node, Value } from "../ir/graph.js";
import { opNamed } from "../ops/index.js";
import type { Pass } from "./pass.js";

/** Ops are pure and random bits are inputs, so two nodes with equal keys have equal values. */
export const shareSubexpressions: Pass = {
  name: "share-subexpressions",
  summary: "Merges nodes that apply the same op to the same inputs; the first one's place is kept.",
  example: {
    before: `
graph @share(%a: f32[B, 4], %b: f32[B, 4]) {
  %2 = add(%a, %b) : f32[B, 4]
  %3 = add(%b, %a) : f32[B, 4]
  %4 = mul(%2, %3) : f32[B, 4]
  return y = %4
}`,
    after: `
graph @share(%a: f32[B, 4], %b: f32[B, 4]) {
  %2 = add(%a, %b) : f32[B, 4]
  %3 = mul(%2, %2) : f32[B, 4]
  return y = %3
}`,
  },
  run(graph) {
    const seen = new Map<string, readonly Value[]>();
    const shared = new Map<number, Value>();
    const sharedOf = (value: Value): Value => shared.get(value.id) ?? value;
    const nodes = graph.nodes.flatMap((original) => {
      const changes = original.inputs.some(({ id }) => shared.has(id));
      const node = changes ? { ...original, inputs: original.inputs.map(sharedOf) } : original;
      const key = keyOf(node);
      const first = seen.get(key);
      if (first === undefined) {
        seen.set(key, node.outputs);
        return [node];
      }
      for (const [i, { id }] of node.outputs.entries()) shared.set(id, at(first, i));
      return [];
    });
    const outputs = graph.outputs.map(({ name, value }) => ({ name, value: sharedOf(value) }));
    return { ...graph, nodes, outputs };
  },
};

function keyOf(node: Node): string {
  const ids = node.inputs.map((value) => value.id);
  const commutes = opNamed(node.op).traits?.includes("commutative") === true;
  const inputs = commutes ? ids.toSorted((a, b) => a - b) : ids;
  const attrs = Object.keys(node.attrs)
    .toSorted()
    .map((name) => `${name}=${attrKey(node.attrs[name] ?? "")}`);
  return `${node.op}(${inputs.join(",")}){${attrs.join(",")}}`;
}

/** Texts are quoted, so that `"1"` is not `1`; `-0` is not `0`. */
function attrKey(value: AttrValue): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Object.is(value, -0)) return "-0";
  if (typeof value !== "object") return String(value);
  return "terms" in value ? printDim(value) : `[${value.map(attrKey).join(",")}]`;
}
