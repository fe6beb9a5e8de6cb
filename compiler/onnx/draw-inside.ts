/** Lets a model draw its own random numbers: graph inputs become `RandomUniformLike` nodes. */

import { invariant } from "../../grammar/invariant.js";
import { onnxDType } from "../ops/kit/onnx-dtype.js";
import { decodeModel, encodeModel } from "./codec.js";
import { attributeTypes, type NodeProto, type TensorProto, type ValueInfoProto } from "./schema.js";

/**
 * `model` without the inputs called `names`, which become uniform numbers in [0, 1) of their
 * shapes, new in every run. A symbolic dim is taken from another input that has it.
 */
export function drawInside(model: Uint8Array, names: readonly string[]): Uint8Array {
  if (names.length === 0) return model;
  const decoded = decodeModel(model);
  const graph = decoded.graph ?? {};
  const inputs = graph.input ?? [];
  const kept = inputs.filter(({ name }) => !names.includes(name ?? ""));
  const made = names.map((name) => {
    const input = inputs.find((candidate) => candidate.name === name);
    invariant(input, `the model has no input \`${name}\``);
    return drawn(name, input, kept);
  });
  return encodeModel({
    ...decoded,
    graph: {
      ...graph,
      input: kept,
      initializer: [...(graph.initializer ?? []), ...made.flatMap(({ constants }) => constants)],
      node: [...made.flatMap(({ nodes }) => nodes), ...(graph.node ?? [])],
    },
  });
}

/** Shape, then zeros of that shape, then uniform numbers like them. */
function drawn(
  name: string,
  input: ValueInfoProto,
  others: readonly ValueInfoProto[],
): { readonly nodes: readonly NodeProto[]; readonly constants: readonly TensorProto[] } {
  const tensor = input.type?.tensorType;
  invariant(tensor?.elemType === onnxDType("f32"), `\`${name}\` is not f32`);
  const constants: TensorProto[] = [];
  const nodes: NodeProto[] = [];
  const whole = (key: string, values: readonly number[]): string => {
    const own = `${name}/${key}`;
    constants.push({
      name: own,
      dims: [values.length],
      dataType: onnxDType("i64"),
      rawData: new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer),
    });
    return own;
  };
  const node = (opType: string, from: readonly string[], rest: Partial<NodeProto> = {}): string => {
    const output = opType === "RandomUniformLike" ? name : `${name}/${nodes.length}`;
    nodes.push({ opType, name: output, input: from, output: [output], ...rest });
    return output;
  };
  const parts = (tensor.shape?.dim ?? []).map(({ dimValue, dimParam }, i) => {
    if (dimParam === undefined) return whole(`extent${i}`, [dimValue ?? 0]);
    for (const other of others) {
      const axis = other.type?.tensorType?.shape?.dim?.findIndex(
        (dim) => dim.dimParam === dimParam,
      );
      if (axis === undefined || axis < 0) continue;
      const shape = node("Shape", [other.name ?? ""]);
      return node("Gather", [shape, whole(`axis${i}`, [axis])]);
    }
    invariant(false, `no other input has the dim \`${dimParam}\` of \`${name}\``);
  });
  const shape =
    parts.length === 0
      ? whole("shape", [])
      : node("Concat", parts, { attribute: [{ name: "axis", type: attributeTypes.INT, i: 0 }] });
  const zeros = node("ConstantOfShape", [shape]);
  node("RandomUniformLike", [zeros]);
  return { nodes, constants };
}
