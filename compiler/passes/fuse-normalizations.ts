/** Makes coarse ops of batch normalizations and the rectifiers after them. */

import { at } from "../../grammar/invariant.js";
import type { Graph, Node, Value } from "../ir/graph.js";
import type { Pass } from "./pass.js";
import { any, op, usesOf } from "./pattern.js";
import { patch, type Replacement } from "./rebuild.js";

/** Their bodies are the nodes they replace, so the numbers stay what they were. */
export const fuseNormalizations: Pass = {
  name: "fuse-normalizations",
  summary:
    "Makes one coarse op of a batch normalization and a rectifier, and one of their gradients.",
  functions: "keep",
  example: {
    before: `
graph @block(%x: f32[8, 4], %s: f32[4], %b: f32[4], %g: f32[8, 4]) {
  %4, %5, %6 = batch_norm(%x, %s, %b) {eps = 0.00001} : f32[8, 4], f32[4], f32[4]
  %7 = relu(%4) : f32[8, 4]
  %8 = relu_grad(%g, %7) : f32[8, 4]
  %9, %10, %11 = batch_norm_grad(%8, %x, %s, %5, %6) {eps = 0.00001} : f32[8, 4], f32[4], f32[4]
  return y = %7, dx = %9, ds = %10, db = %11
}`,
    after: `
graph @block(%x: f32[8, 4], %s: f32[4], %b: f32[4], %g: f32[8, 4]) {
  %4, %5, %6 = batch_norm_relu(%x, %s, %b) {eps = 0.00001} : f32[8, 4], f32[4], f32[4]
  %7, %8, %9 = batch_norm_relu_grad(%g, %4, %x, %s, %5, %6) {eps = 0.00001} : f32[8, 4], f32[4], f32[4]
  return y = %4, dx = %7, ds = %8, db = %9
}`,
  },
  run(graph) {
    const found = fusions(graph);
    return found.size === 0 ? graph : patch(graph, found);
  },
};

/** A rectifier whose input is rectified already. */
const rectified: Replacement = (_, { inputs }) => inputs;

const fused =
  (name: string, inputs: readonly Value[]): Replacement =>
  (b, { attrs }, renew) =>
    b.emitAll(name, inputs.map(renew), attrs);

const normalization = op("batch_norm", any("x"), any("scale"), any("bias"));
const rectifier = op("relu", any("y"));
const gradient = op(
  "batch_norm_grad",
  op("relu_grad", any("g"), any("out")),
  any("x"),
  any("scale"),
  any("mean"),
  any("variance"),
);

function fusions(graph: Graph): ReadonlyMap<Node, Replacement> {
  if (!graph.nodes.some(({ op: name }) => normalization.mayFit(name) || gradient.mayFit(name)))
    return new Map();
  const uses = usesOf(graph);
  const found = new Map<Node, Replacement>();
  for (const node of graph.nodes) {
    for (const { y } of rectifier.matchNode(node, uses)) {
      const producer = uses.producer(y);
      if (producer === undefined || uses.count(y) !== 1 || at(producer.outputs, 0).id !== y.id)
        continue;
      for (const { x, scale, bias } of normalization.matchNode(producer, uses)) {
        found.set(producer, fused("batch_norm_relu", [x, scale, bias]));
        found.set(node, rectified);
      }
    }
    for (const { g, out, x, scale, mean, variance } of gradient.matchNode(node, uses))
      found.set(node, fused("batch_norm_relu_grad", [g, out, x, scale, mean, variance]));
  }
  return found;
}
