/** Checks that a graph is well formed; run after every pass. */

import { isRejection } from "../../grammar/diagnostic.js";
import { InvariantError, at } from "../../grammar/invariant.js";
import { ops } from "../ops/index.js";
import { inferOp } from "../ops/kit/infer-op.js";
import type { AttrValue, Attrs, Graph, NamedValue, Node } from "./graph.js";
import { printDim } from "./dim.js";
import { printNode, valueNames } from "./print.js";
import { printType, sameType } from "./type.js";

/**
 * Throws `InvariantError` naming the fault and the nodes around it: values are defined once and
 * before their use, names are unique, attributes are complete and types are those the ops infer.
 */
export function verifyGraph(graph: Graph): void {
  const defined = new Map<number, string>();
  const fail = (fault: string, place: number): never => {
    throw new InvariantError(`graph @${graph.name}: ${fault}\n${excerpt(graph, place)}`);
  };
  const define = (id: number, type: string, place: number): void => {
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
  for (const { value } of graph.inputs) define(value.id, printType(value.type), 0);
  for (const [place, node] of graph.nodes.entries()) {
    for (const input of node.inputs) {
      const type = defined.get(input.id);
      if (type === undefined)
        fail(`\`${node.op}\` uses a value that is not defined before it`, place);
      if (type !== printType(input.type))
        fail(`\`${node.op}\` takes a ${type} for a ${printType(input.type)}`, place);
    }
    const fault = nodeFault(node);
    if (fault !== null) fail(fault, place);
    for (const output of node.outputs) define(output.id, printType(output.type), place);
  }
  for (const { name, value } of graph.outputs)
    if (defined.get(value.id) !== printType(value.type))
      fail(`the output \`${name}\` is not defined as ${printType(value.type)}`, graph.nodes.length);
}

function repeatedName(list: readonly NamedValue[]): string | null {
  const names = list.map((entry) => entry.name);
  return names.find((name, i) => names.indexOf(name) !== i) ?? null;
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
  if (attrsText(inferred.attrs) !== attrsText(node.attrs))
    return `the attributes of \`${node.op}\` are not complete and normalized`;
  return null;
}

const attrsText = (attrs: Attrs): string =>
  Object.keys(attrs)
    .toSorted()
    .map((name) => `${name} = ${attrText(attrs[name])}`)
    .join(", ");

function attrText(value: AttrValue | undefined): string {
  if (typeof value === "object")
    return "terms" in value ? printDim(value) : value.map(attrText).join(" ");
  return String(value);
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
