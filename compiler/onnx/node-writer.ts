/** The builder that formulations write ONNX nodes with: names, constants and metadata. */

import { at, invariant } from "../../grammar/invariant.js";
import type { Dim } from "../ir/dim.js";
import type { DType } from "../ir/type.js";
import type { Target } from "../ops/define.js";
import type { OnnxAttr, OnnxBuilder } from "../ops/kit/onnx-builder.js";
import { onnxDType } from "../ops/kit/onnx-dtype.js";
import { encodeElements } from "./raw-data.js";
import { type Symbols, writeExtents } from "./symbolic-extents.js";
import { type AttributeProto, attributeTypes, type NodeProto, type TensorProto } from "./schema.js";

/** Metadata entries, in the order in which they are written. */
export type Metadata = Readonly<Record<string, string>>;

/** What becomes of the nodes that one body writes. */
export interface NodeOrigin {
  /** The node's name where the body writes one node, the prefix of the names where it writes more. */
  readonly name: string;
  readonly metadata: Metadata;
}

/** Nodes under construction. Names it hands out may still change: `nameOf` tells the last word. */
export interface NodeWriter {
  readonly builder: OnnxBuilder;
  /** A call of a function, whose overload is told when all nodes are written. */
  call(called: Call, inputs: readonly string[], outputs: number): readonly string[];
  within<T>(origin: NodeOrigin, body: () => T): T;
  /** Gives the value a new name, which must have been reserved. */
  rename(value: string, name: string): void;
  nameOf(value: string): string;
  /** Whether a node of this writer makes the value: not an input, nor a constant. */
  isProduced(value: string): boolean;
  finish(): { readonly node: readonly NodeProto[]; readonly initializer: readonly TensorProto[] };
}

/** A function of another domain, by the parts of its name, and what the call says of itself. */
export interface Call {
  readonly domain: string;
  readonly opType: string;
  readonly overload: () => string;
  readonly attrs: Readonly<Record<string, OnnxAttr>>;
}

interface Draft {
  name: string;
  readonly opType: string;
  readonly call?: Call;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: Readonly<Record<string, OnnxAttr>>;
  readonly metadata: Metadata;
}

/** Starts a list of nodes in which no value takes a name of `reserved`. */
export function createNodeWriter(
  target: Target,
  reserved: Iterable<string>,
  symbols: Symbols,
): NodeWriter {
  const taken = new Set(reserved);
  const names = new Map<string, string>();
  const drafts: Draft[] = [];
  const constants = new Map<string, TensorProto>();
  const once = new Map<string, string>();
  let origin: NodeOrigin = { name: "", metadata: {} };

  const unique = (wanted: string): string => {
    let name = wanted;
    for (let i = 2; taken.has(name); i++) name = `${wanted}_${i}`;
    taken.add(name);
    return name;
  };

  const constant = (dtype: DType, values: readonly number[], shape: readonly number[]): string => {
    const key = `${dtype}[${shape.join()}]:${values.map(printExactly).join()}`;
    const found = constants.get(key)?.name;
    if (found !== undefined) return found;
    const size = shape.reduce((product, extent) => product * extent, 1);
    invariant(values.length === size, `${values.length} values do not fill [${shape.join(", ")}]`);
    const name = unique(`const/${dtype}_${constants.size + 1}`);
    const rawData = encodeElements(dtype, values);
    constants.set(key, { dims: shape, dataType: onnxDType(dtype), name, rawData });
    return name;
  };

  const add = (
    node: Pick<Draft, "opType" | "call" | "inputs" | "attrs">,
    count: number,
  ): readonly string[] => {
    const name = unique(`${origin.name}/${node.opType}`);
    const outputs = count === 1 ? [name] : outputNames(name, count).map(unique);
    for (const output of outputs) names.set(output, output);
    drafts.push({ ...node, name, outputs, metadata: origin.metadata });
    return outputs;
  };

  const builder: OnnxBuilder = {
    target,
    node: (opType, inputs, attrs = {}) => at(builder.nodes(opType, inputs, attrs, 1), 0),
    nodes: (opType, inputs, attrs, count) => add({ opType, inputs, attrs }, count),
    floats: (values, shape, dtype = "f32") => constant(dtype, values, shape),
    once(key, make) {
      const name = once.get(key) ?? make();
      once.set(key, name);
      return name;
    },
    ints: (values) => constant("i64", values, [values.length]),
    shape: (shape) => builder.ints(shapeNumbers(shape)),
    extents: (shape) => writeExtents(builder, symbols, shape),
  };

  return {
    builder,
    call: (called, inputs, count) =>
      add({ opType: called.opType, call: called, inputs, attrs: called.attrs }, count),
    within(next, body) {
      const before = origin;
      const first = drafts.length;
      origin = next;
      const result = body();
      origin = before;
      const [only, ...others] = drafts.slice(first);
      // One node is the op itself and takes its name.
      if (only !== undefined && others.length === 0) {
        only.name = unique(next.name);
        const outputs = outputNames(only.name, only.outputs.length);
        only.outputs.forEach((output, i) => {
          names.set(output, only.outputs.length === 1 ? only.name : unique(at(outputs, i)));
        });
      }
      return result;
    },
    rename(value, name) {
      names.set(value, name);
    },
    nameOf: (value) => names.get(value) ?? value,
    isProduced: (value) => names.has(value),
    finish: () => ({
      node: drafts.map((draft) => writeNode(draft, names)),
      initializer: [...constants.values()],
    }),
  };
}

const outputNames = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${name}:${i}`);

/** `-0` and `0` are different constants. */
const printExactly = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));

function shapeNumbers(shape: readonly Dim[]): readonly number[] {
  const symbolic = shape.filter((dim) => typeof dim !== "number");
  invariant(symbolic.length <= 1, "an ONNX reshape target holds at most one symbolic dim");
  return shape.map((dim) => (typeof dim === "number" ? dim : -1));
}

function writeNode(draft: Draft, names: ReadonlyMap<string, string>): NodeProto {
  const resolve = (value: string): string => names.get(value) ?? value;
  const attribute = Object.entries(draft.attrs).map(([name, value]) => writeAttribute(name, value));
  const metadataProps = Object.entries(draft.metadata).map(([key, value]) => ({ key, value }));
  return {
    input: draft.inputs.map(resolve),
    output: draft.outputs.map(resolve),
    name: draft.name,
    opType: draft.opType,
    ...(draft.call && { domain: draft.call.domain, overload: draft.call.overload() }),
    ...(attribute.length > 0 && { attribute }),
    ...(metadataProps.length > 0 && { metadataProps }),
  };
}

function writeAttribute(name: string, value: OnnxAttr): AttributeProto {
  if (typeof value === "number") {
    invariant(Number.isSafeInteger(value), `attribute \`${name}\` = ${value} is not an integer`);
    return { name, i: value, type: attributeTypes.INT };
  }
  if (typeof value === "string")
    return { name, s: new TextEncoder().encode(value), type: attributeTypes.STRING };
  if ("float" in value) return { name, f: value.float, type: attributeTypes.FLOAT };
  if ("floats" in value) return { name, floats: value.floats, type: attributeTypes.FLOATS };
  return { name, ints: value, type: attributeTypes.INTS };
}
