/** Writes a graph as an ONNX model of standard operators, every node with its place in the program. */

import { at, invariant } from "../../grammar/invariant.js";
import { printSpan } from "../../grammar/source.js";
import type { Graph, Node, Value } from "../ir/graph.js";
import type { Op, Target } from "../ops/define.js";
import { opNamed } from "../ops/index.js";
import { scopeOf } from "../ops/kit/infer-op.js";
import type { OnnxOperand } from "../ops/kit/onnx-builder.js";
import { expandWhere } from "../passes/expand-bodies.js";
import type { Functions } from "../passes/pass.js";
import { encodeModel } from "./codec.js";
import {
  createFunctionTable,
  functionDomain,
  type FunctionTable,
  isCallable,
} from "./functions.js";
import { forOpset17 } from "./opset-17.js";
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
  /** `keep`: coarse ops are calls of functions that come with the model. `inline` by default. */
  readonly functions?: Functions;
}

/** The bytes of the model; equal graphs and options give equal bytes. From opset 17 on. */
export function emitOnnx(graph: Graph, options: EmitOptions): Uint8Array {
  const { target } = options;
  if (target.opset >= 18) return encodeModel(buildModel(graph, options));
  const model = buildModel(graph, { ...options, target: { ...target, opset: 18 } });
  return encodeModel(forOpset17(model));
}

/** The model as plain data, for callers that add to it before they encode it. */
export function buildModel(graph: Graph, options: EmitOptions): ModelProto {
  const { opset } = options.target;
  const table =
    options.functions === "keep"
      ? createFunctionTable(opset, (body) => buildGraph(body, options, null))
      : null;
  // What is not called is written out, for no formulation writes an op that is defined by a body.
  const written = expandWhere(graph, (node) => table === null || !isCallable(node));
  const graphProto = buildGraph(written, options, table);
  const functions = table?.functions() ?? [];
  return {
    irVersion: functions.length === 0 ? irVersionOf(opset) : Math.max(irVersionOf(opset), 10),
    producerName: "saic",
    producerVersion: options.producerVersion,
    graph: graphProto,
    opsetImport: [
      { domain: "", version: opset },
      ...(functions.length === 0 ? [] : [{ domain: functionDomain, version: 1 }]),
    ],
    metadataProps: Object.entries(options.metadata ?? {}).map(([key, value]) => ({ key, value })),
    ...(functions.length > 0 && { functions }),
  };
}

/** The first opset of each later IR version, newest first: from the ONNX release table. Functions with overloads came with 10. */
const irVersions = [
  { opset: 25, irVersion: 13 },
  { opset: 24, irVersion: 12 },
  { opset: 23, irVersion: 11 },
  { opset: 21, irVersion: 10 },
  { opset: 19, irVersion: 9 },
] as const;

const irVersionOf = (opset: number): number =>
  irVersions.find((row) => opset >= row.opset)?.irVersion ?? 8;

function buildGraph(graph: Graph, options: EmitOptions, table: FunctionTable | null): GraphProto {
  const named = [...graph.inputs, ...graph.outputs].map(({ name }) => name);
  invariant(new Set(named).size === named.length, `${graph.name}: inputs and outputs share a name`);
  const writer = createNodeWriter(options.target, named, symbolsOf(graph.inputs));
  const values = new Map(graph.inputs.map(({ name, value }) => [value.id, name]));
  let number = graph.inputs.length;
  for (const node of graph.nodes) {
    writeNode({ writer, values, options, number, table }, node);
    number += node.outputs.length;
  }
  nameOutputs(writer, graph, values);
  table?.settle();
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
  readonly table: FunctionTable | null;
}

function writeNode(place: Place, node: Node): void {
  const { writer, values, options, number, table } = place;
  const operands = node.inputs.map((value) => ({
    name: nameOfValue(values, value),
    type: value.type,
  }));
  const call = table?.callOf(node) ?? null;
  const names = writer.within(originOf(node, number), () =>
    call === null
      ? formulated(writer, node, operands, options)
      : writer.call(
          call,
          operands.map(({ name }) => name),
          node.outputs.length,
        ),
  );
  node.outputs.forEach((value, i) => values.set(value.id, at(names, i)));
}

/** Writes the nodes of the node's formulation and returns the names of its outputs. */
function formulated(
  writer: NodeWriter,
  node: Node,
  operands: readonly OnnxOperand[],
  options: EmitOptions,
): readonly string[] {
  const op = opNamed(node.op);
  const formulation = chooseFormulation(node, op, options);
  const result = formulation.onnx(writer.builder, scopeOf(op, operands, node.attrs));
  const names = typeof result === "string" ? [result] : result;
  invariant(
    names.length === node.outputs.length,
    `${op.name}/${formulation.name} wrote ${names.length} of ${node.outputs.length} outputs`,
  );
  return names;
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
