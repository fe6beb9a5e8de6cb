/** Puts weights into a model: named graph inputs become initializers, so that it runs anywhere. */

import { at, invariant } from "../../grammar/invariant.js";
import { type DType, dtypeBytes } from "../ir/type.js";
import { onnxDType } from "../ops/kit/onnx-dtype.js";
import { decodeModel, encodeModel } from "./codec.js";
import type { GraphProto, TensorProto, ValueInfoProto } from "./schema.js";

/** A weight's elements, little-endian, in row-major order. */
export interface Weight {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/**
 * `model` with `weights` inside: each is named after the graph input it replaces. `renames` gives
 * inputs, those that weights replace and those that stay, another name in the new model. Throws
 * where the model has no such input, or where a weight's type or size is not the input's.
 */
export function embedWeights(
  model: Uint8Array,
  weights: ReadonlyMap<string, Weight>,
  renames: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  const decoded = decodeModel(model);
  const graph = decoded.graph ?? {};
  const inputs = new Map((graph.input ?? []).map((input) => [input.name ?? "", input]));
  for (const name of renames.keys())
    invariant(inputs.has(name), `\`${name}\` is renamed but no input`);
  const initializer = [...weights].map(([name, weight]) => {
    const input = inputs.get(name);
    invariant(input, `the model has no input \`${name}\``);
    return toTensor(renames.get(name) ?? name, weight, input);
  });
  const rename = (name: string): string => renames.get(name) ?? name;
  refuseClashes(graph, renames);
  return encodeModel({
    ...decoded,
    graph: {
      ...graph,
      node: (graph.node ?? []).map((node) => ({ ...node, input: (node.input ?? []).map(rename) })),
      input: (graph.input ?? [])
        .filter((input) => !weights.has(input.name ?? ""))
        .map((input) => ({ ...input, name: rename(input.name ?? "") })),
      initializer: [...(graph.initializer ?? []), ...initializer],
    },
  });
}

/** The names of a model's inputs, constants and node outputs. */
export function valueNames(model: Uint8Array): ReadonlySet<string> {
  return new Set(namesIn(decodeModel(model).graph ?? {}));
}

const namesIn = (graph: GraphProto): readonly string[] => [
  ...[...(graph.input ?? []), ...(graph.initializer ?? [])].map(({ name }) => name ?? ""),
  ...(graph.node ?? []).flatMap((node) => node.output ?? []),
];

function toTensor(name: string, weight: Weight, input: ValueInfoProto): TensorProto {
  const declared = input.type?.tensorType;
  const dims = declared?.shape?.dim ?? [];
  const fits =
    declared?.elemType === onnxDType(weight.dtype) &&
    dims.length === weight.shape.length &&
    dims.every((dim, i) => (dim.dimValue ?? at(weight.shape, i)) === at(weight.shape, i));
  const given = `${weight.dtype}[${weight.shape.join(", ")}]`;
  invariant(fits, `weight \`${input.name}\` is ${given}, which is not its input's type`);
  const size = weight.shape.reduce((product, extent) => product * extent, dtypeBytes(weight.dtype));
  invariant(weight.data.length === size, `weight \`${input.name}\` does not hold ${size} bytes`);
  return {
    name,
    dims: weight.shape,
    dataType: onnxDType(weight.dtype),
    rawData: weight.data,
  };
}

/** A new name must not be that of another value. */
function refuseClashes(graph: GraphProto, renames: ReadonlyMap<string, string>): void {
  const kept = new Set(namesIn(graph).filter((name) => !renames.has(name)));
  for (const name of renames.values()) {
    invariant(!kept.has(name), `two values would be named \`${name}\``);
    kept.add(name);
  }
}
