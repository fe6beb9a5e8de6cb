/** Tensors at run time: a dtype, a shape and the typed array that holds the elements. */

import type { DType } from "../compiler/plan/data.js";

export type TensorData =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>;

export interface HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** bool is u8 with 0 and 1; f16 and bf16 are u16 bit patterns. */
  readonly data: TensorData;
}

/** A zeroed array for `length` elements of `dtype`. */
export function allocate(dtype: DType, length: number): TensorData {
  switch (dtype) {
    case "f32":
      return new Float32Array(length);
    case "f64":
      return new Float64Array(length);
    case "i32":
      return new Int32Array(length);
    case "i64":
      return new BigInt64Array(length);
    case "u8":
    case "bool":
      return new Uint8Array(length);
    case "f16":
    case "bf16":
      return new Uint16Array(length);
  }
}

export const elementCount = (shape: readonly number[]): number =>
  shape.reduce((product, extent) => product * extent, 1);
