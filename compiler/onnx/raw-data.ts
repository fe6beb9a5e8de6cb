/** Numbers as the little-endian bytes of a raw tensor. */

import { invariant } from "../../grammar/invariant.js";
import { roundTo } from "../ir/rounding.js";
import { bfloatBits, halfBits } from "../plan/elements.js";
import { type DType, dtypeBytes } from "../ir/type.js";

/** `raw_data` of a tensor of `dtype`: floats rounded to nearest even, integers exact or refused. */
export function encodeElements(dtype: DType, values: readonly number[]): Uint8Array {
  const size = dtypeBytes(dtype);
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  const write = writers[dtype];
  values.forEach((value, i) => {
    invariant(roundTo(dtype, value) !== null, `${value} is no ${dtype}`);
    write(view, i * size, value);
  });
  return bytes;
}

const writers: Readonly<Record<DType, (view: DataView, offset: number, value: number) => void>> = {
  f32: (view, offset, value) => view.setFloat32(offset, value, true),
  f64: (view, offset, value) => view.setFloat64(offset, value, true),
  f16: (view, offset, value) => view.setUint16(offset, halfBits(value), true),
  bf16: (view, offset, value) => view.setUint16(offset, bfloatBits(Math.fround(value)), true),
  i32: (view, offset, value) => view.setInt32(offset, value, true),
  i64: (view, offset, value) => view.setBigInt64(offset, BigInt(value), true),
  u8: (view, offset, value) => view.setUint8(offset, value),
  bool: (view, offset, value) => view.setUint8(offset, value),
};
