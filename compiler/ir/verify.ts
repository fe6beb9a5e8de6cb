/** Checks that a graph is well formed; run after every pass. */

import { isRejection } from "../../grammar/diagnostic.js";
import { InvariantError, at } from "../../grammar/invariant.js";
import { ops } from "../ops/index.js";
import { inferOp } from "../ops/kit/infer-op.js";
import type { AttrValue, Attrs, Graph, NamedValue, Node, Value } from "./graph.js";
import { sameDim } from "./dim.js";
import { printNode, valueNames } from "./print.js";
import { printType, sameType, type TensorType } from "./type.js";

/**
 * Throws `InvariantError` naming the fault and the nodes around it: values are defined once and
 * before their use, names are unique, attributes are complete and types are those the ops infer.
 */
export function verifyGraph(graph: Graph): void {
  const defined = new Map<number, TensorType>();
  const fail = (fault: string, place: number): never => {
    throw new InvariantError(`graph @${graph.name}: ${fault}\n${excerpt(graph, place)}`);
  };
  const define = ({ id, type }: Value, place: number): void => {
    if (defined.has(id)) fail(`the value with id ${id} is defined twice`, place);
    defined.set(id, type);
  };
  for (const [list, what] of [
    [graph.inputs, "inputs"],
    [graph.outputs, "outputs"],
  ] as const) {
    const twice = repeatedName(list);
    if (twice !== null) fail(`two ${what} are named \`${twice}\``, 0);
  }
  for (const { value } of graph.inputs) define(value, 0);
  for (const [place, node] of graph.nodes.entries()) {
    for (const input of node.inputs) {
      const type = defined.get(input.id);
      if (type === undefined)
        return fail(`\`${node.op}\` uses a value that is not defined before it`, place);
      if (!sameType(type, input.type))
        fail(`\`${node.op}\` takes a ${printType(type)} for a ${printType(input.type)}`, place);
    }
    const fault = nodeFault(node);
    if (fault !== null) fail(fault, place);
    for (const output of node.outputs) define(output, place);
  }
  for (const { name, value } of graph.outputs) {
    const type = defined.get(value.id);
    if (type === undefined || !sameType(type, value.type))
      fail(`the output \`${name}\` is not defined as ${printType(value.type)}`, graph.nodes.length);
  }
}

function repeatedName(list: readonly NamedValue[]): string | null {
  const seen = new Set<string>();
  for (const { name } of list)
    if (seen.has(name)) return name;
    else seen.add(name);
  return null;
}

/** What is wrong with a node by itself, or `null`. */
function nodeFault(node: Node): string | null {
  const op = ops.get(node.op);
  if (op === undefined) return `there is no op \`${node.op}\``;
  const inferred = inferOp(
    op,
    node.inputs.map((input) => input.type),
    node.attrs,
  );
  if (isRejection(inferred)) return `\`${node.op}\` is refused: ${inferred.diagnose(null).message}`;
  const [expected, actual] = [inferred.outputs, node.outputs.map((output) => output.type)];
  if (expected.length !== actual.length)
    return `\`${node.op}\` has ${actual.length} outputs instead of ${expected.length}`;
  for (const [i, type] of expected.entries())
    if (!sameType(type, at(actual, i)))
      return `output ${i} of \`${node.op}\` is ${printType(at(actual, i))} instead of ${printType(type)}`;
  if (!sameAttrs(inferred.attrs, node.attrs))
    return `the attributes of \`${node.op}\` are not complete and normalized`;
  return null;
}

const sameAttrs = (a: Attrs, b: Attrs): boolean =>
  Object.keys(a).length === Object.keys(b).length &&
  Object.entries(a).every(([name, value]) => sameAttr(value, b[name]));

function sameAttr(a: AttrValue, b: AttrValue | undefined): boolean {
  if (typeof a !== "object" || typeof b !== "object") return Object.is(a, b);
  if ("terms" in a || "terms" in b) return "terms" in a && "terms" in b && sameDim(a, b);
  return a.length === b.length && a.every((item, i) => sameAttr(item, b[i]));
}

/** Ten nodes around the fault, the one at fault marked. */
function excerpt(graph: Graph, place: number): string {
  const names = valueNames(graph);
  const start = Math.max(0, place - 5);
  return graph.nodes
    .slice(start, place + 5)
    .map((node, i) => `${start + i === place ? ">" : " "} ${printNode(node, names)}`)
    .join("\n");
}
