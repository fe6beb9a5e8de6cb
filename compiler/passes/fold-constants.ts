/** Computes at compile time what depends on constants alone. */

import { at, invariant } from "../../grammar/invariant.js";
import type { GraphBuilder } from "../ir/builder.js";
import type { Node, Value } from "../ir/graph.js";
import { roundTo } from "../ir/rounding.js";
import { type DType, isNumeric, numelOf, type TensorType } from "../ir/type.js";
import { opNamed } from "../ops/index.js";
import { scopeOf } from "../ops/kit/infer-op.js";
import { boundShape, generate, type NdArray, ndarray } from "../ops/kit/ndarray.js";
import type { Pass } from "./pass.js";
import { splatOf } from "./pattern.js";
import { patch, type Replacement } from "./rebuild.js";

/**
 * Only tensors filled with one number are constants here, so an element-by-element op of constants
 * is one evaluation of its reference on scalars, and an op that merely rearranges gives a
 * constant where its reference does. Learned or fed values are never constants.
 */
export const foldConstants: Pass = {
  name: "fold-constants",
  summary: "Replaces ops whose inputs are all constants by the constant they compute.",
  example: {
    before: `
graph @fold(%x: f32[2, 3]) {
  %1 = constant() {value = 2, dtype = "f32", shape = []} : f32[]
  %2 = constant() {value = 3, dtype = "f32", shape = [3]} : f32[3]
  %3 = mul(%1, %2) : f32[3]
  %4 = expand(%3) {shape = [2, 3]} : f32[2, 3]
  %5 = add(%x, %4) : f32[2, 3]
  return y = %5
}`,
    after: `
graph @fold(%x: f32[2, 3]) {
  %1 = constant() {value = 6, dtype = "f32", shape = [2, 3]} : f32[2, 3]
  %2 = add(%x, %1) : f32[2, 3]
  return y = %2
}`,
  },
  run(graph) {
    const fillings = new Map<number, number>();
    const replacements = new Map<Node, Replacement>();
    for (const node of graph.nodes) {
      const given = splatOf(node);
      const filling = given ?? evaluate(node, fillings);
      if (filling === null) continue;
      const output = at(node.outputs, 0);
      fillings.set(output.id, filling);
      if (given === null) replacements.set(node, (b) => [constantLike(b, output, filling)]);
    }
    return replacements.size === 0 ? graph : patch(graph, replacements);
  },
};

/** Up to here an op that rearranges is evaluated whole: padding, for one, may add another number. */
const evaluatedElements = 2 ** 16;

/** The number that fills the node's output, `null` where it is not one known number. */
function evaluate(node: Node, fillings: ReadonlyMap<number, number>): number | null {
  const [output, ...others] = node.outputs;
  if (output === undefined || others.length > 0 || !isNumeric(output.type.shape)) return null;
  if (node.inputs.length === 0 || !node.inputs.every(({ id }) => fillings.has(id))) return null;
  const inputs = node.inputs.map(({ id, type }) => rounded(type.dtype, fillings.get(id)));
  if (!inputs.every((filling) => filling !== null)) return null;
  const traits = opNamed(node.op).traits ?? [];
  if (traits.includes("elementwise"))
    return evaluateOn(
      node,
      inputs.map((filling, i) => ndarray(at(node.inputs, i).type.dtype, [], [filling])),
    );
  const types = [...node.inputs, output].map(({ type }) => type);
  const small = types.every((type) => isNumeric(type.shape) && numelOf(type) <= evaluatedElements);
  if (!traits.includes("layout") || !small) return null;
  return evaluateOn(
    node,
    inputs.map((filling, i) => filled(at(node.inputs, i).type, filling)),
  );
}

/** The one number that the reference gives everywhere. */
function evaluateOn(node: Node, inputs: readonly NdArray[]): number | null {
  const op = opNamed(node.op);
  const result = op.reference(scopeOf(op, inputs, node.attrs));
  invariant("data" in result, `\`${op.name}\` has one output`);
  const first = result.data[0];
  if (!result.data.every((value) => Object.is(value, first))) return null;
  const filling = rounded(at(node.outputs, 0).type.dtype, first);
  // Overflow and 0/0 stay in the program, where they can be seen.
  return filling !== null && Number.isFinite(filling) ? filling : null;
}

const rounded = (dtype: DType, value: number | undefined): number | null =>
  value === undefined ? null : roundTo(dtype, value);

const filled = ({ dtype, shape }: TensorType, filling: number): NdArray =>
  generate(dtype, boundShape(shape), () => filling);

const constantLike = (b: GraphBuilder, { type }: Value, filling: number): Value =>
  b.constant(filling, type.dtype, type.shape);
