/** Stores weights of a model in half the space: each is read through a cast back to f32. */

import { invariant } from "../../grammar/invariant.js";
import { onnxDType } from "../ops/kit/onnx-dtype.js";
import { decodeModel, encodeModel } from "./codec.js";
import { encodeElements } from "./raw-data.js";
import { attributeTypes, type NodeProto, type TensorProto } from "./schema.js";

/**
 * `model` with the f32 initializers called `names` rounded to `dtype`; nodes read
 * `Cast(weight)`, so that all is computed in f32 as before. `beyond` names a weight with a number
 * that the type cannot hold.
 */
export function narrowWeights(
  model: Uint8Array,
  names: ReadonlySet<string>,
  dtype: "f16" | "bf16",
): { readonly model: Uint8Array; readonly beyond: string | null } {
  const decoded = decodeModel(model);
  const { graph = {} } = decoded;
  const casts: NodeProto[] = [];
  const wide = new Map<string, string>();
  let beyond: string | null = null;
  const initializer = (graph.initializer ?? []).map((tensor): TensorProto => {
    const { name = "", dataType, rawData } = tensor;
    if (!names.has(name)) return tensor;
    invariant(dataType === onnxDType("f32") && rawData, `\`${name}\` is not f32`);
    const values = floatsOf(rawData);
    if (dtype === "f16" && values.some((value) => Math.abs(value) >= 65520)) beyond ??= name;
    const output = `${name}/f32`;
    wide.set(name, output);
    casts.push({
      opType: "Cast",
      name: output,
      input: [name],
      output: [output],
      attribute: [{ name: "to", i: onnxDType("f32"), type: attributeTypes.INT }],
    });
    return {
      ...tensor,
      dataType: onnxDType(dtype),
      rawData: beyond === null ? encodeElements(dtype, values) : rawData,
    };
  });
  const node = (graph.node ?? []).map((each) => ({
    ...each,
    input: (each.input ?? []).map((input) => wide.get(input) ?? input),
  }));
  invariant(wide.size === names.size, "every weight to be narrowed is in the model");
  return {
    model: encodeModel({ ...decoded, graph: { ...graph, initializer, node: [...casts, ...node] } }),
    beyond,
  };
}

function floatsOf(bytes: Uint8Array): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
