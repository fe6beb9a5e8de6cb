/** Makes one coarse op of the gradients of a product's matrix and of its bias. */

import { at } from "../../grammar/invariant.js";
import type { Graph, Node, Value } from "../ir/graph.js";
import { sameShape } from "../ir/dim.js";
import type { Pass } from "./pass.js";
import { any, named, op, type Uses, usesOf } from "./pattern.js";
import { patch, type Replacement } from "./rebuild.js";

/** Its body is the nodes it replaces, so the numbers stay what they were. */
export const fuseColumnSums: Pass = {
  name: "fuse-column-sums",
  summary:
    "Makes one coarse op of the gradient of a matrix and that of the bias beside it, which read the same cotangent.",
  functions: "keep",
  example: {
    before: `
graph @dense(%g: f32[2, 8, 3], %x: f32[2, 8, 4]) {
  %2 = reshape(%g) {shape = [16, 3]} : f32[16, 3]
  %3 = reshape(%x) {shape = [16, 4]} : f32[16, 4]
  %4 = gemm(%3, %2) {transpose_a = true, transpose_b = false} : f32[4, 3]
  %5 = transpose(%4) {order = [1, 0]} : f32[3, 4]
  %6 = sum(%g) {axes = [0, 1], keep = false} : f32[3]
  return dw = %5, db = %6
}`,
    after: `
graph @dense(%g: f32[2, 8, 3], %x: f32[2, 8, 4]) {
  %2, %3 = gemm_weight_grad(%g, %x) {transposed = true} : f32[3, 4], f32[3]
  return dw = %2, db = %3
}`,
  },
  run(graph) {
    const found = pairs(graph);
    if (found.size === 0) return graph;
    const made = new Map<Pair, readonly Value[]>();
    const member =
      (original: Node, pair: Pair): Replacement =>
      (b, _, renew) => {
        const { inputs, transposed } = pair;
        const outputs =
          made.get(pair) ?? b.emitAll("gemm_weight_grad", inputs.map(renew), { transposed });
        made.set(pair, outputs);
        return [at(outputs, original === pair.product ? 0 : 1)];
      };
    return patch(graph, new Map([...found].map(([node, pair]) => [node, member(node, pair)])));
  },
};

interface Pair {
  /** The node that makes the matrix's gradient. */
  readonly product: Node;
  /** Whether that is the transpose of the product. */
  readonly transposed: boolean;
  readonly inputs: readonly [g: Value, x: Value];
}

const product = named("node", op("gemm", any("a"), any("b")));
const turned = op("transpose", product);
const columns = named("node", op("sum", any("g")));
const reshaped = op("reshape", any("x"));

/** Both nodes of each pair. */
function pairs(graph: Graph): ReadonlyMap<Node, Pair> {
  if (!graph.nodes.some(({ op: name }) => product.mayFit(name))) return new Map();
  const uses = usesOf(graph);
  const places = new Map<number, number>();
  for (const [place, node] of graph.nodes.entries())
    for (const { id } of node.outputs) places.set(id, place);
  const sums = new Map<number, Node>();
  for (const node of graph.nodes)
    for (const { g } of columns.matchNode(node, uses))
      if (sumsColumns(node, g)) sums.set(g.id, node);
  const found = new Map<Node, Pair>();
  // A product that a transpose reads comes before it, and must not be taken first.
  for (const node of graph.nodes.toReversed())
    for (const { node: made, a, b } of [
      ...turned.matchNode(node, uses),
      ...product.matchNode(node, uses),
    ]) {
      if (made.attrs["transpose_a"] !== true || made.attrs["transpose_b"] === true) continue;
      const [x, g] = [beforeReshape(a, uses), beforeReshape(b, uses)];
      const sum = sums.get(g.id);
      if (sum === undefined || found.has(sum) || !rowsMatch(g, x)) continue;
      // The pair takes the place of the first of the two, where both of its inputs must be known.
      const first = Math.min(...[sum, node].map((each) => places.get(at(each.outputs, 0).id) ?? 0));
      if ([g, x].some(({ id }) => (places.get(id) ?? -1) >= first)) continue;
      const pair: Pair = { product: node, transposed: made !== node, inputs: [g, x] };
      found.set(node, pair).set(sum, pair);
    }
  return found;
}

/** Whether a sum leaves the last axis alone. */
function sumsColumns(node: Node, g: Value): boolean {
  const { axes, keep } = node.attrs;
  return (
    g.type.shape.length > 1 &&
    keep === false &&
    Array.isArray(axes) &&
    axes.length === g.type.shape.length - 1 &&
    axes.every((axis, i) => axis === i)
  );
}

/** What a matrix of rows was before all but its last axis became one. */
function beforeReshape(value: Value, uses: Uses): Value {
  const node = uses.producer(value);
  if (node === undefined) return value;
  for (const { x } of reshaped.matchNode(node, uses))
    if (x.type.shape.length > 1 && sameShape(x.type.shape.slice(-1), value.type.shape.slice(-1)))
      return x;
  return value;
}

const rowsMatch = (g: Value, x: Value): boolean =>
  sameShape(g.type.shape.slice(0, -1), x.type.shape.slice(0, -1));
