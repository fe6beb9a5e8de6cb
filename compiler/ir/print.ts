/** Graphs as text, in the language's type notation; `parseGraph` reads it back. */

import { printSpan } from "../../grammar/source.js";
import { invariant } from "../../grammar/invariant.js";
import { printDim } from "./dim.js";
import type { AttrValue, Attrs, Graph, Node } from "./graph.js";
import { printType } from "./type.js";

export interface PrintOptions {
  /** Adds each node's place in the program and its scope as a comment. */
  readonly origins?: boolean;
}

/**
 * `graph @name(%x: f32[B, 4]) { %1 = relu(%x) : f32[B, 4] return y = %1 }` over several lines. Inputs keep
 * their names; other values are numbered in order after the inputs, whatever their ids are.
 */
export function printGraph(graph: Graph, options: PrintOptions = {}): string {
  const names = valueNames(graph);
  const inputs = graph.inputs.map(
    ({ name, value }) => `%${printName(name)}: ${printType(value.type)}`,
  );
  const outputs = graph.outputs.map(({ name, value }) => `${printName(name)} = ${names(value.id)}`);
  return [
    `graph @${printName(graph.name)}(${inputs.join(", ")}) {`,
    ...graph.nodes.map(
      (node) => `  ${printNode(node, names)}${options.origins ? origin(node) : ""}`,
    ),
    `  return ${outputs.join(", ")}`.trimEnd(),
    "}",
    "",
  ].join("\n");
}

/** A node as one line. */
export function printNode(node: Node, names: (id: number) => string): string {
  const outputs = node.outputs.map((value) => names(value.id)).join(", ");
  const inputs = node.inputs.map((value) => names(value.id)).join(", ");
  const types = node.outputs.map((value) => printType(value.type)).join(", ");
  return `${outputs} = ${node.op}(${inputs})${printAttrs(node.attrs)} : ${types}`;
}

/** How the printed form calls each value; one that the graph does not define is `%?id`. */
export function valueNames(graph: Graph): (id: number) => string {
  const names = new Map<number, string>();
  for (const { name, value } of graph.inputs) names.set(value.id, `%${printName(name)}`);
  let next = graph.inputs.length;
  for (const node of graph.nodes)
    for (const output of node.outputs) names.set(output.id, `%${next++}`);
  return (id) => names.get(id) ?? `%?${id}`;
}

const origin = (node: Node): string => {
  const parts = [node.span && printSpan(node.span), node.scope === "" ? null : `@${node.scope}`];
  const text = parts.filter((part) => part !== null).join(" ");
  return text === "" ? "" : `  // ${text}`;
};

/** A name as it is, or quoted when it is not an identifier. */
const printName = (name: string): string =>
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : JSON.stringify(name);

function printAttrs(attrs: Attrs): string {
  const entries = Object.entries(attrs);
  if (entries.length === 0) return "";
  return ` {${entries.map(([name, value]) => `${name} = ${printAttr(value)}`).join(", ")}}`;
}

function printAttr(value: AttrValue): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "boolean":
      return String(value);
    case "number":
      return printNumber(value);
    default:
      return "terms" in value ? printDim(value) : `[${value.map(printAttr).join(", ")}]`;
  }
}

function printNumber(value: number): string {
  invariant(!Number.isNaN(value), "an attribute is not a number");
  if (Number.isFinite(value)) return Object.is(value, -0) ? "-0" : String(value);
  return value > 0 ? "inf" : "-inf";
}
