/** ONNX's numbers for dtypes. */

import type { DType } from "../../ir/type.js";

const numbers: Readonly<Record<DType, number>> = {
  f32: 1,
  u8: 2,
  i32: 6,
  i64: 7,
  bool: 9,
  f16: 10,
  f64: 11,
  bf16: 16,
};

/** `TensorProto.DataType`, which `Cast` takes as an attribute. */
export const onnxDType = (dtype: DType): number => numbers[dtype];
