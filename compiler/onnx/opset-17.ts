/** Rewrites a model of opset 18 for opset 17: the few ops whose form opset 18 has changed. */

import { invariant } from "../../grammar/invariant.js";
import { onnxDType } from "../ops/kit/onnx-dtype.js";
import {
  type AttributeProto,
  attributeTypes,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from "./schema.js";

/** Reductions that take their axes as an input since opset 18, and as an attribute before. */
const reductions = [
  "ReduceL1",
  "ReduceL2",
  "ReduceLogSum",
  "ReduceLogSumExp",
  "ReduceMax",
  "ReduceMean",
  "ReduceMin",
  "ReduceProd",
  "ReduceSumSquare",
];

/** The model with the same meaning under opset 17; its axes of reductions are constants. */
export function forOpset17(model: ModelProto): ModelProto {
  const { graph = {} } = model;
  const constants = new Map((graph.initializer ?? []).map((each) => [each.name ?? "", each]));
  const nodes = (graph.node ?? []).flatMap((node) => rewritten(node, constants));
  const read = new Set(nodes.flatMap((node) => node.input ?? []));
  const outputs = new Set((graph.output ?? []).map(({ name }) => name ?? ""));
  const graph17: GraphProto = {
    ...graph,
    node: nodes,
    initializer: [...constants.values()].filter(
      ({ name = "" }) => read.has(name) || outputs.has(name),
    ),
  };
  return { ...model, graph: graph17, opsetImport: [{ domain: "", version: 17 }] };
}

function rewritten(node: NodeProto, constants: Map<string, TensorProto>): readonly NodeProto[] {
  if (reductions.includes(node.opType ?? "")) return [withAxes(node, constants)];
  return node.opType === "Resize" ? resizedWhole(node) : [node];
}

function withAxes(node: NodeProto, constants: ReadonlyMap<string, TensorProto>): NodeProto {
  const [x = "", axes = ""] = node.input ?? [];
  if (axes === "") return node;
  const tensor = constants.get(axes);
  invariant(
    tensor?.dataType === onnxDType("i64") && tensor.rawData !== undefined,
    `the axes of \`${node.name ?? ""}\` are no constant`,
  );
  const { buffer, byteOffset, byteLength } = tensor.rawData;
  const view = new DataView(buffer, byteOffset, byteLength);
  const ints = Array.from({ length: byteLength / 8 }, (_, i) =>
    Number(view.getBigInt64(8 * i, true)),
  );
  const attribute = { name: "axes", ints, type: attributeTypes.INTS };
  return { ...node, input: [x], attribute: [...(node.attribute ?? []), attribute] };
}

/** Sizes are those of all axes: what the new sizes leave out is read from the tensor. */
function resizedWhole(node: NodeProto): readonly NodeProto[] {
  const named = (name: string): AttributeProto | undefined =>
    node.attribute?.find((each) => each.name === name);
  const axes = named("axes")?.ints;
  if (axes === undefined) return [node];
  const [x = "", roi = "", scales = "", sizes = ""] = node.input ?? [];
  const whole = axes[0] ?? 0;
  invariant(
    sizes !== "" && axes.every((axis, i) => axis === whole + i) && !named("antialias"),
    `\`${node.name ?? ""}\` resizes the last axes`,
  );
  const shape = `${node.name ?? ""}/axes`;
  const all = `${node.name ?? ""}/sizes`;
  return [
    {
      opType: "Shape",
      name: shape,
      input: [x],
      output: [shape],
      attribute: [
        { name: "start", i: 0, type: attributeTypes.INT },
        { name: "end", i: whole, type: attributeTypes.INT },
      ],
    },
    {
      opType: "Concat",
      name: all,
      input: [shape, sizes],
      output: [all],
      attribute: [{ name: "axis", i: 0, type: attributeTypes.INT }],
    },
    {
      ...node,
      input: [x, roi, scales, all],
      attribute: (node.attribute ?? []).filter(({ name }) => name !== "axes"),
    },
  ];
}
