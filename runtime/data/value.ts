/** What a field of one record holds on its way through transforms: elements of any type. */

import type { DType } from "../../compiler/plan/data.js";
import { invariant } from "../../grammar/invariant.js";
import { bfloatBits, halfBits } from "../initialize.js";
import { bfloatValue, halfValue } from "../metrics/numbers.js";
import type { Marks } from "./marks.js";
import type { Pixels } from "./pixels.js";

/** Elements; the array may lie in shared memory, so it is read and never written in place. */
export type Elements =
  | Float32Array
  | Float64Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array;

export interface Value {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** bool is u8 with 0 and 1; f16 and bf16 are u16 bit patterns. */
  readonly data: Elements;
  /** Boxes on a picture until all that moves them is done; then they become the elements. */
  readonly marks?: Marks;
}

/** An array over the elements of `buffer` from `offset` bytes on. */
export function elementsOn(
  dtype: DType,
  buffer: ArrayBufferLike,
  offset: number,
  length: number,
): Elements {
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

/** A value as pixels, which transforms of pictures take. */
export function pixelsOf({ dtype, shape, data }: Value): Pixels {
  if (dtype === "u8" && data instanceof Uint8Array) return { dtype, shape, data };
  invariant(dtype === "f32" && data instanceof Float32Array, `${dtype} elements are no pixels`);
  return { dtype, shape, data };
}

/** Reads elements as numbers, whatever their type; i64 beyond 2^53 rounds. */
export function numberAt({ dtype, data }: Value): (index: number) => number {
  if (dtype === "f16") return (index) => halfValue(Number(data[index] ?? 0));
  if (dtype === "bf16") return (index) => bfloatValue(Number(data[index] ?? 0));
  return (index) => Number(data[index] ?? 0);
}

/** A value of `length` elements that `at` gives as numbers, rounded as the type has it. */
export function valueOf(
  dtype: DType,
  shape: readonly number[],
  at: (index: number) => number,
): Value {
  const length = shape.reduce((product, extent) => product * extent, 1);
  const data = elementsOn(dtype, new ArrayBuffer(length * bytesOf[dtype]), 0, length);
  if (data instanceof BigInt64Array)
    for (let i = 0; i < length; i++) data[i] = BigInt(Math.trunc(at(i)));
  else if (dtype === "f16") for (let i = 0; i < length; i++) data[i] = halfBits(at(i));
  else if (dtype === "bf16") for (let i = 0; i < length; i++) data[i] = bfloatBits(at(i));
  else for (let i = 0; i < length; i++) data[i] = at(i);
  return { dtype, shape, data };
}

/** The same elements in another order: element i of the result is element `from(i)` of `x`. */
export function pick(x: Value, shape: readonly number[], from: (index: number) => number): Value {
  const length = shape.reduce((product, extent) => product * extent, 1);
  const { data: old } = x;
  const data = elementsOn(x.dtype, new ArrayBuffer(length * bytesOf[x.dtype]), 0, length);
  if (data instanceof BigInt64Array && old instanceof BigInt64Array)
    for (let i = 0; i < length; i++) data[i] = old[from(i)] ?? 0n;
  else if (!(data instanceof BigInt64Array) && !(old instanceof BigInt64Array))
    for (let i = 0; i < length; i++) data[i] = old[from(i)] ?? 0;
  return { ...x, shape, data };
}

/** Bytes of one element. */
export const bytesOf: Readonly<Record<DType, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  f64: 8,
  i32: 4,
  i64: 8,
  u8: 1,
  bool: 1,
};
