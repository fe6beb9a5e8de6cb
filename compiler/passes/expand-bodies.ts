/** Writes coarse ops out in simpler ones. */

import type { GraphBuilder } from "../ir/builder.js";
import { createGraphBuilder } from "../ir/create-builder.js";
import type { Graph, Node, Value } from "../ir/graph.js";
import { invariant } from "../../grammar/invariant.js";
import { opNamed } from "../ops/index.js";
import { scopeOf } from "../ops/kit/infer-op.js";
import type { Pass } from "./pass.js";
import { patch } from "./rebuild.js";

/** Only ops that are defined by a body are written out; those with formulations of their own stay. */
export const expandBodies: Pass = {
  name: "expand-bodies",
  summary: "Writes ops that are defined by a body out in simpler ops.",
  functions: "inline",
  example: {
    before: `
graph @expand(%dy: f32[4], %x: f32[4], %y: f32[4]) {
  %3 = silu_grad(%dy, %x, %y) : f32[4]
  return dx = %3
}`,
    after: `
graph @expand(%dy: f32[4], %x: f32[4], %y: f32[4]) {
  %3 = sigmoid(%x) : f32[4]
  %4 = mul(%y, %3) : f32[4]
  %5 = sub(%y, %4) : f32[4]
  %6 = add(%3, %5) : f32[4]
  %7 = mul(%dy, %6) : f32[4]
  return dx = %7
}`,
  },
  run: (graph) => expandWhere(graph, () => true),
};

/** Writes out those nodes that are defined by a body and for which `where` holds. */
export function expandWhere(graph: Graph, where: (node: Node) => boolean): Graph {
  const chosen = graph.nodes.filter((node) => hasBody(node) && where(node));
  return chosen.length === 0
    ? graph
    : patch(graph, new Map(chosen.map((node) => [node, writeBody])));
}

/** Whether the node's op is defined by simpler ones. */
export const hasBody = (node: Node): boolean => opNamed(node.op).body !== undefined;

/** The node alone as a graph of its op's inputs, its body written out; outputs are `y0`, `y1`, … */
export function bodyOf(node: Node): Graph {
  const op = opNamed(node.op);
  const b = createGraphBuilder();
  const names = Object.keys(op.inputs);
  const inputs = node.inputs.map(({ type }, i) => b.input(names[i] ?? `x${i}`, type));
  const alone: Node = { ...node, inputs, span: null, scope: "" };
  const outputs = hasBody(node) ? writeBody(b, alone) : b.copy(alone, inputs);
  return b.finish(
    node.op,
    outputs.map((value, i) => ({ name: `y${i}`, value })),
  );
}

function writeBody(b: GraphBuilder, node: Node): readonly Value[] {
  const op = opNamed(node.op);
  invariant(op.body !== undefined, `\`${node.op}\` has a body`);
  const result = op.body(b, scopeOf(op, node.inputs, node.attrs));
  return "id" in result ? [result] : result;
}
