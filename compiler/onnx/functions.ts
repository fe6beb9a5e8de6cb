/** The functions of a model: what coarse nodes call, each distinct body once. */

import { at, invariant } from "../../grammar/invariant.js";
import type { AttrValue, Graph, Node } from "../ir/graph.js";
import { isNumeric, printType } from "../ir/type.js";
import type { Op } from "../ops/define.js";
import { opNamed } from "../ops/index.js";
import { scopeOf } from "../ops/kit/infer-op.js";
import type { OnnxAttr } from "../ops/kit/onnx-builder.js";
import { bodyOf } from "../passes/expand-bodies.js";
import { runPasses } from "../passes/pipeline.js";
import type { Call } from "./node-writer.js";
import {
  attributeTypes,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
} from "./schema.js";

/** The domain of coarse ops; its functions come with the model. */
export const functionDomain = "saic";

/** Functions under construction. */
export interface FunctionTable {
  /** How the node is called, or `null` where its op is not coarse or a dim is symbolic. */
  callOf(node: Node): Call | null;
  /** Settles the names of overloads; nothing is called after that. */
  settle(): void;
  /** All functions, in the order of their first calls. */
  functions(): readonly FunctionProto[];
}

interface Entry {
  /** Without its overload. */
  readonly proto: FunctionProto;
  readonly node: Node;
  overload: string;
}

/** An empty table; `write` makes the nodes of a function's body. */
export function createFunctionTable(
  opset: number,
  write: (body: Graph) => GraphProto,
): FunctionTable {
  const entries = new Map<string, Entry>();
  const known = new Map<string, Entry>();

  const entryOf = (name: string, node: Node): Entry => {
    const proto = functionOf(name, node, opset, write(runPasses(bodyOf(node))));
    const text = textOf(proto);
    const entry = entries.get(text) ?? { proto, node, overload: "" };
    entries.set(text, entry);
    return entry;
  };

  return {
    callOf(node) {
      const name = coarseName(node);
      if (name === null) return null;
      const key = keyOf(name, node);
      const entry = known.get(key) ?? entryOf(name, node);
      known.set(key, entry);
      return {
        domain: functionDomain,
        opType: name,
        overload: () => entry.overload,
        attrs: attributesOf(opNamed(node.op), node),
      };
    },
    settle: () => nameOverloads([...entries.values()]),
    functions: () => [...entries.values()].map(({ proto, overload }) => ({ ...proto, overload })),
  };
}

/** Whether the node becomes a call where functions are kept. */
export const isCallable = (node: Node): boolean => coarseName(node) !== null;

function coarseName(node: Node): string | null {
  const { coarse } = opNamed(node.op);
  if (coarse === undefined) return null;
  const types = [...node.inputs, ...node.outputs].map(({ type }) => type);
  // The extents of symbolic dims are read off graph inputs, which a function does not see.
  if (!types.every(({ shape }) => isNumeric(shape))) return null;
  return typeof coarse === "string" ? coarse : coarse.of(typesOf(node));
}

const typesOf = (node: Node): Readonly<Record<string, unknown>> =>
  scopeOf(
    opNamed(node.op),
    node.inputs.map(({ type }) => type),
    node.attrs,
  );

const typesText = (node: Node): string => node.inputs.map(({ type }) => printType(type)).join(",");

const keyOf = (name: string, node: Node): string =>
  `${name} ${node.op} ${typesText(node)} ${JSON.stringify(node.attrs)}`;

function functionOf(name: string, node: Node, opset: number, body: GraphProto): FunctionProto {
  return {
    name,
    domain: functionDomain,
    input: namesOf(body.input),
    output: namesOf(body.output),
    attribute: Object.keys(attributesOf(opNamed(node.op), node)),
    node: [...(body.initializer ?? []).map(constantNode), ...(body.node ?? [])],
    docString: opNamed(node.op).summary,
    opsetImport: [{ domain: "", version: opset }],
  };
}

const namesOf = (values: GraphProto["input"]): readonly string[] =>
  (values ?? []).map(({ name }) => name ?? "");

/** Functions have no initializers. */
function constantNode({ name = "", ...tensor }: TensorProto): NodeProto {
  const value = { name: "value", t: tensor, type: attributeTypes.TENSOR };
  return { name, opType: "Constant", output: [name], attribute: [value] };
}

/** Equal texts, equal functions; bytes become lists, which JSON keeps. */
const textOf = (proto: FunctionProto): string =>
  JSON.stringify(proto, (_, value: unknown) =>
    value instanceof Uint8Array ? value.join(",") : value,
  );

/**
 * The only function of its op and element type is named by the element type, `f32`. Where there are
 * several, each is named by the types of its first call, `f32_8x64x56x56_64x64x3x3`, and a number
 * where these are the same.
 */
function nameOverloads(entries: readonly Entry[]): void {
  const counts = new Map<string, number>();
  const shortOf = ({ proto, node }: Entry): string =>
    `${proto.name ?? ""} ${at(node.inputs, 0).type.dtype}`;
  for (const entry of entries) counts.set(shortOf(entry), (counts.get(shortOf(entry)) ?? 0) + 1);
  const taken = new Set<string>();
  for (const entry of entries) {
    const { dtype } = at(entry.node.inputs, 0).type;
    const shapes = entry.node.inputs.map(({ type }) => type.shape.join("x") || "scalar");
    const wanted = counts.get(shortOf(entry)) === 1 ? dtype : [dtype, ...shapes].join("_");
    let overload = wanted;
    for (let i = 2; taken.has(`${entry.proto.name ?? ""} ${overload}`); i++)
      overload = `${wanted}_${i}`;
    taken.add(`${entry.proto.name ?? ""} ${overload}`);
    entry.overload = overload;
  }
}

/** What a library needs to know of a call: the op's attributes, by their kinds. */
function attributesOf(op: Op, node: Node): Readonly<Record<string, OnnxAttr>> {
  return Object.fromEntries(
    Object.entries(node.attrs).map(([name, value]) => [name, attributeOf(op, name, value)]),
  );
}

function attributeOf(op: Op, name: string, value: AttrValue): OnnxAttr {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return Number(value);
  const kind = op.attrs[name]?.kind;
  if (typeof value === "number") return kind === "float" ? { float: value } : value;
  invariant(!("terms" in value), `the attribute \`${name}\` is known`);
  const numbers = value.map((item) => {
    invariant(typeof item === "number", `the attribute \`${name}\` is known`);
    return item;
  });
  return kind === "floats" ? { floats: numbers } : numbers;
}
