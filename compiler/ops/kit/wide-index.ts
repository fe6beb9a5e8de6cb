/** Indices in a dtype that ONNX takes. */

import type { OnnxBuilder, OnnxOperand } from "./onnx-builder.js";
import { onnxDType } from "./onnx-dtype.js";

/** The index as i32 or i64. */
export const wideIndex = (o: OnnxBuilder, index: OnnxOperand): string =>
  index.type.dtype === "u8" ? o.node("Cast", [index.name], { to: onnxDType("i64") }) : index.name;
