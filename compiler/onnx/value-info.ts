/** Tensor types as ONNX value descriptions: symbolic dims become `dim_param`. */

import { printDim } from "../ir/dim.js";
import type { TensorType } from "../ir/type.js";
import { onnxDType } from "../ops/kit/onnx-dtype.js";
import type { ValueInfoProto } from "./schema.js";

/** A name and its type; equal dims carry equal texts, so a tool sees that they agree. */
export function valueInfo(name: string, type: TensorType): ValueInfoProto {
  const dim = type.shape.map((d) =>
    typeof d === "number" ? { dimValue: d } : { dimParam: printDim(d) },
  );
  return { name, type: { tensorType: { elemType: onnxDType(type.dtype), shape: { dim } } } };
}
