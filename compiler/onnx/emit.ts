/** Writes a graph as an ONNX model: standard operators only, every node with its place in the program. */

import { at, invariant } from "../../grammar/invariant.js";
import { printSpan } from "../../grammar/source.js";
import type { Graph, Node, Value } from "../ir/graph.js";
import type { Op, Target } from "../ops/define.js";
import { opNamed } from "../ops/index.js";
import { scopeOf } from "../ops/kit/infer-op.js";
import { encodeModel } from "./codec.js";
import { symbolsOf } from "./symbolic-extents.js";
import {
  createNodeWriter,
  type Metadata,
  type NodeOrigin,
  type NodeWriter,
} from "./node-writer.js";
import type { GraphProto, ModelProto, ValueInfoProto } from "./schema.js";
import { valueInfo } from "./value-info.js";

/** How a graph is written. */
export interface EmitOptions {
  readonly target: Target;
  readonly producerVersion: string;
  /** Forces a formulation by its name, whatever its `when` says; `undefined` leaves the choice. */
  readonly formulation?: (node: Node, op: Op) => string | undefined;
  /** The model's own metadata, in order. */
  readonly metadata?: Metadata;
}

/** The bytes of the model; equal graphs and options give equal bytes. */
export const emitOnnx = (graph: Graph, options: EmitOptions): Uint8Array =>
  encodeModel(buildModel(graph, options));

/** The model as plain data, for callers that add to it before they encode it. */
export function buildModel(graph: Graph, options: EmitOptions): ModelProto {
  return {
    irVersion: irVersionOf(options.target.opset),
    producerName: "saic",
    producerVersion: options.producerVersion,
    graph: buildGraph(graph, options),
    opsetImport: [{ domain: "", version: options.target.opset }],
    metadataProps: Object.entries(options.metadata ?? {}).map(([key, value]) => ({ key, value })),
  };
}

/** The first opset of each later IR version, newest first: from the ONNX release table. */
const irVersions = [
  { opset: 25, irVersion: 13 },
  { opset: 24, irVersion: 12 },
  { opset: 23, irVersion: 11 },
  { opset: 21, irVersion: 10 },
  { opset: 19, irVersion: 9 },
] as const;

const irVersionOf = (opset: number): number =>
  irVersions.find((row) => opset >= row.opset)?.irVersion ?? 8;

function buildGraph(graph: Graph, options: EmitOptions): GraphProto {
  const named = [...graph.inputs, ...graph.outputs].map(({ name }) => name);
  invariant(new Set(named).size === named.length, `${graph.name}: inputs and outputs share a name`);
  const writer = createNodeWriter(options.target, named, symbolsOf(graph.inputs));
  const values = new Map(graph.inputs.map(({ name, value }) => [value.id, name]));
  let number = graph.inputs.length;
  for (const node of graph.nodes) {
    writeNode({ writer, values, options, number }, node);
    number += node.outputs.length;
  }
  nameOutputs(writer, graph, values);
  return {
    name: graph.name,
    ...writer.finish(),
    input: graph.inputs.map(({ name, value }) => valueInfo(name, value.type)),
    output: graph.outputs.map(({ name, value }) => valueInfo(name, value.type)),
    valueInfo: describeInner(writer, graph, values),
  };
}

/** Names of values under construction, by the id of the IR value they hold. */
type ValueNames = Map<number, string>;

interface Place {
  readonly writer: NodeWriter;
  readonly values: ValueNames;
  readonly options: EmitOptions;
  /** That of the node's first output in the printed IR. */
  readonly number: number;
}

function writeNode({ writer, values, options, number }: Place, node: Node): void {
  const op = opNamed(node.op);
  const formulation = chooseFormulation(node, op, options);
  const operands = node.inputs.map((value) => ({
    name: nameOfValue(values, value),
    type: value.type,
  }));
  const scope = scopeOf(op, operands, node.attrs);
  const result = writer.within(originOf(node, number), () =>
    formulation.onnx(writer.builder, scope),
  );
  const names = typeof result === "string" ? [result] : result;
  invariant(
    names.length === node.outputs.length,
    `${op.name}/${formulation.name} wrote ${names.length} of ${node.outputs.length} outputs`,
  );
  node.outputs.forEach((value, i) => values.set(value.id, at(names, i)));
}

function chooseFormulation(node: Node, op: Op, options: EmitOptions): Op["formulations"][number] {
  const forced = options.formulation?.(node, op);
  const types = scopeOf(
    op,
    node.inputs.map((value) => value.type),
    node.attrs,
  );
  const found = op.formulations.find((f) =>
    forced === undefined ? (f.when?.(types, options.target) ?? true) : f.name === forced,
  );
  invariant(found, `\`${op.name}\` has no formulation ${forced ?? "for this target"}`);
  return found;
}

/** `model.layer1.0/conv_12`: the number is that of the value in the printed IR. */
function originOf(node: Node, number: number): NodeOrigin {
  const name = `${node.op}_${number}`;
  return {
    name: node.scope === "" ? name : `${node.scope}/${name}`,
    metadata: {
      ...(node.span !== null && { source: printSpan(node.span) }),
      ...(node.scope !== "" && { scope: node.scope }),
    },
  };
}

function nameOfValue(values: ValueNames, value: Value): string {
  const name = values.get(value.id);
  invariant(name !== undefined, `%${value.id} is used before it is made`);
  return name;
}

/** Outputs keep their exact names; a value that already has a public name, or none of its own, is copied. */
function nameOutputs(writer: NodeWriter, graph: Graph, values: ValueNames): void {
  const named = new Set<string>();
  for (const { name, value } of graph.outputs) {
    let produced = nameOfValue(values, value);
    if (!writer.isProduced(produced) || named.has(produced))
      produced = writer.within({ name: `output/${name}`, metadata: {} }, () =>
        writer.builder.node("Identity", [produced]),
      );
    writer.rename(produced, name);
    named.add(produced);
  }
}

/** The types of all values between inputs and outputs. */
function describeInner(
  writer: NodeWriter,
  graph: Graph,
  values: ValueNames,
): readonly ValueInfoProto[] {
  const described = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));
  return graph.nodes
    .flatMap((node) => node.outputs)
    .flatMap((value) => {
      const inner = nameOfValue(values, value);
      const name = writer.nameOf(inner);
      if (!writer.isProduced(inner) || described.has(name)) return [];
      described.add(name);
      return [valueInfo(name, value.type)];
    });
}
