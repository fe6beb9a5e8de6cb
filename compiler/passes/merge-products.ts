/** Makes one product of a sum of products, as every step of a sequence adds one to its weights' gradient. */

import { at } from "../../grammar/invariant.js";
import type { GraphBuilder } from "../ir/builder.js";
import type { Graph, Node, Value } from "../ir/graph.js";
import { isNumeric, numelOf, sameType } from "../ir/type.js";
import type { Pass } from "./pass.js";
import { any, op, splatOf, type Uses, usesOf } from "./pattern.js";
import { patch, type Replacement } from "./rebuild.js";

/**
 * x1T g1 + x2T g2 + ... is [x1; x2; ...]T [g1; g2; ...]: it reads the rows once more and writes the
 * result once, in place of once for every product and three times for every addition. The sums of
 * the same rows, which are the gradient of a bias, become one beside it.
 */
export const mergeProducts: Pass = {
  name: "merge-products",
  summary:
    "Makes one product of a sum of products that contract their rows, where their rows are few, and one sum of the sums of those rows.",
  example: {
    before: `
graph @steps(%x: f32[2, 8], %y: f32[2, 8], %g: f32[2, 8], %h: f32[2, 8]) {
  %4 = transpose(%x) {order = [1, 0]} : f32[8, 2]
  %5 = matmul(%4, %g) : f32[8, 8]
  %6 = transpose(%5) {order = [1, 0]} : f32[8, 8]
  %7 = transpose(%y) {order = [1, 0]} : f32[8, 2]
  %8 = matmul(%7, %h) : f32[8, 8]
  %9 = transpose(%8) {order = [1, 0]} : f32[8, 8]
  %10 = add(%6, %9) : f32[8, 8]
  %11 = sum(%g) {axes = [0], keep = false} : f32[8]
  %12 = sum(%h) {axes = [0], keep = false} : f32[8]
  %13 = add(%11, %12) : f32[8]
  return dw = %10, db = %13
}`,
    after: `
graph @steps(%x: f32[2, 8], %y: f32[2, 8], %g: f32[2, 8], %h: f32[2, 8]) {
  %4 = concat(%x, %y) {axis = 0} : f32[4, 8]
  %5 = concat(%g, %h) {axis = 0} : f32[4, 8]
  %6 = transpose(%4) {order = [1, 0]} : f32[8, 4]
  %7 = matmul(%6, %5) : f32[8, 8]
  %8 = transpose(%7) {order = [1, 0]} : f32[8, 8]
  %9 = concat(%g, %h) {axis = 0} : f32[4, 8]
  %10 = sum(%9) {axes = [0], keep = false} : f32[8]
  return dw = %8, db = %10
}`,
  },
  run(graph) {
    const found = replacements(graph);
    return found.size === 0 ? graph : patch(graph, found);
  },
};

/** A term `left g` of a sum, or its transpose. */
interface Product {
  readonly transposed: boolean;
  readonly left: Value;
  /** What `left` is the transpose of; `null` for a constant. */
  readonly x: Value | null;
  readonly g: Value;
}

const addition = op("add", any("left"), any("right"));
const product = op("matmul", any("left"), any("g"));
const turned = op("transpose", any("inner"));
const rowSum = op("sum", any("g"));

function replacements(graph: Graph): ReadonlyMap<Node, Replacement> {
  const found = new Map<Node, Replacement>();
  if (!graph.nodes.some((node) => product.mayFit(node.op))) return found;
  const uses = usesOf(graph);
  const sums = sumsOf(graph, uses);
  const merged = new Set<string>();
  for (const { root, terms } of sums)
    for (const transposed of [false, true]) {
      if (found.has(root)) continue;
      const isWhole = (term: Value): boolean => sameType(term.type, at(root.outputs, 0).type);
      const read = terms.map((term) => ({
        term,
        product: isWhole(term) ? productIn(term, uses, transposed) : null,
      }));
      const products = read.flatMap((each) => each.product ?? []);
      if (products.length < 2 || !pays(products)) continue;
      merged.add(rowsKey(products.map(({ g }) => g)));
      const others = read.flatMap((each) => (each.product === null ? [each.term] : []));
      found.set(root, (b, _, renew) => [
        addAll(b, [...others.map(renew), mergedProduct(b, products, renew)]),
      ]);
    }
  for (const { root, terms } of sums) {
    const rows = terms.map((term) => rowsIn(term, uses));
    const known = rows.filter((g) => g !== null);
    if (known.length < rows.length || !merged.has(rowsKey(known))) continue;
    found.set(root, (b, _, renew) => [
      b.emit("sum", [b.concat(known.map(renew), 0)], { axes: [0], keep: false }),
    ]);
  }
  return found;
}

interface Sum {
  readonly root: Node;
  /** At least two, in the order in which they are made. */
  readonly terms: readonly Value[];
}

/** The sums that no larger sum takes. */
function sumsOf({ nodes }: Graph, uses: Uses): readonly Sum[] {
  const inner = new Set<Node>();
  const places = new Map<number, number>();
  for (const [place, node] of nodes.entries()) {
    for (const { id } of node.outputs) places.set(id, place);
    if (!addition.mayFit(node.op)) continue;
    for (const value of node.inputs) {
      const term = innerSum(node, value, uses);
      if (term !== null) inner.add(term);
    }
  }
  return nodes
    .filter((node) => addition.mayFit(node.op) && !inner.has(node))
    .map((root) => {
      const terms: Value[] = [];
      const open = [...root.inputs];
      for (let value = open.pop(); value !== undefined; value = open.pop()) {
        const term = innerSum(root, value, uses);
        if (term === null) terms.push(value);
        else open.push(...term.inputs);
      }
      const placeOf = ({ id }: Value): number => places.get(id) ?? -1;
      return { root, terms: terms.toSorted((a, b) => placeOf(a) - placeOf(b)) };
    });
}

/** The sum that makes a term of another, if nobody else takes it. */
function innerSum(outer: Node, value: Value, uses: Uses): Node | null {
  const node = uses.producer(value);
  return node !== undefined &&
    addition.mayFit(node.op) &&
    uses.count(value) === 1 &&
    sameType(value.type, at(outer.outputs, 0).type)
    ? node
    : null;
}

/** `null` where a term is no product in that form, or one that something else takes too. */
function productIn(term: Value, uses: Uses, transposed: boolean): Product | null {
  const node = uses.producer(term);
  if (node === undefined || uses.count(term) !== 1 || term.type.shape.length !== 2) return null;
  if (transposed) {
    const [turn] = turned.matchNode(node, uses);
    const found = turn === undefined ? null : productIn(turn.inner, uses, false);
    return found === null ? null : { ...found, transposed };
  }
  const [found] = product.matchNode(node, uses);
  if (found?.g.type.shape.length !== 2) return null;
  const { left, g } = found;
  const made = uses.producer(left);
  if (splatOf(made) !== null) return { transposed, left, x: null, g };
  const [turn] = made === undefined ? [] : turned.matchNode(made, uses);
  return turn === undefined ? null : { transposed, left, x: turn.inner, g };
}

/** What a term sums over its rows, `null` where it is no such sum. */
function rowsIn(term: Value, uses: Uses): Value | null {
  const node = uses.producer(term);
  if (node === undefined || uses.count(term) !== 1) return null;
  const [found] = rowSum.matchNode(node, uses);
  if (found?.g.type.shape.length !== 2) return null;
  const { axes, keep } = node.attrs;
  return keep === false && Array.isArray(axes) && axes.length === 1 && axes[0] === 0
    ? found.g
    : null;
}

const rowsKey = (rows: readonly Value[]): string => rows.map(({ id }) => id).join();

/** Whether copying all rows moves less than what the products and their sums write. */
function pays(products: readonly Product[]): boolean {
  const { left, g } = at(products, 0);
  if (!isNumeric(left.type.shape) || !isNumeric(g.type.shape)) return false;
  const [width, columns] = [at(left.type.shape, 0), at(g.type.shape, 1)];
  const rows = products.reduce((sum, each) => sum + numelOf(each.g.type) / columns, 0);
  return rows * (width + columns) <= products.length * width * columns;
}

function mergedProduct(
  b: GraphBuilder,
  products: readonly Product[],
  renew: (value: Value) => Value,
): Value {
  const rows = products.map(({ x, left }) =>
    x === null ? b.transposeLast(renew(left)) : renew(x),
  );
  const left = b.concat(rows, 0);
  const right = b.concat(
    products.map(({ g }) => renew(g)),
    0,
  );
  const made = b.matmul(b.transposeLast(left), right);
  return at(products, 0).transposed ? b.transposeLast(made) : made;
}

const addAll = (b: GraphBuilder, terms: readonly Value[]): Value =>
  terms.reduce((sum, term) => b.add(sum, term));
