/** Tensors at run time: a dtype, a shape and the typed array that holds the elements. */

import type { DType } from "../compiler/plan/data.js";
import { elementBytes } from "../compiler/plan/elements.js";

/** Memory that threads share backs what kernels update. */
export type TensorData<B extends ArrayBufferLike = ArrayBufferLike> =
  | Float32Array<B>
  | Float64Array<B>
  | Int32Array<B>
  | BigInt64Array<B>
  | Uint8Array<B>
  | Uint16Array<B>;

export interface HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** bool is u8 with 0 and 1; f16 and bf16 are u16 bit patterns. */
  readonly data: TensorData;
}

/** A zeroed array for `length` elements of `dtype`. */
export const allocate = (dtype: DType, length: number): TensorData<ArrayBuffer> =>
  arrayOn(dtype, new ArrayBuffer(length * elementBytes[dtype]), 0, length);

/** The array of `length` elements of `dtype` that begins `offset` bytes into the buffer. */
export function arrayOn<B extends ArrayBufferLike>(
  dtype: DType,
  buffer: B,
  offset: number,
  length: number,
): TensorData<B> {
  switch (dtype) {
    case "f32":
      return new Float32Array(buffer, offset, length);
    case "f64":
      return new Float64Array(buffer, offset, length);
    case "i32":
      return new Int32Array(buffer, offset, length);
    case "i64":
      return new BigInt64Array(buffer, offset, length);
    case "u8":
    case "bool":
      return new Uint8Array(buffer, offset, length);
    case "f16":
    case "bf16":
      return new Uint16Array(buffer, offset, length);
  }
}

export const elementCount = (shape: readonly number[]): number =>
  shape.reduce((product, extent) => product * extent, 1);
