/** What a field of one record holds on its way through transforms: elements of any type. */

import type { DType } from "../../compiler/plan/data.js";
import { bfloatBits, halfBits } from "../../compiler/plan/elements.js";
import { invariant } from "../../grammar/invariant.js";
import { allocate, elementCount, type TensorData } from "../tensor.js";
import type { Marks } from "./marks.js";
import type { Pixels } from "./pixels.js";

export interface Value {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** As of a `HostTensor`; may lie in shared memory, so it is read and never written in place. */
  readonly data: TensorData;
  /** Boxes on a picture until all that moves them is done; then they become the elements. */
  readonly marks?: Marks;
}

/** A value as pixels, which transforms of pictures take. */
export function pixelsOf({ dtype, shape, data }: Value): Pixels {
  if (dtype === "u8" && data instanceof Uint8Array) return { dtype, shape, data };
  invariant(dtype === "f32" && data instanceof Float32Array, `${dtype} elements are no pixels`);
  return { dtype, shape, data };
}

/** A value of `length` elements that `at` gives as numbers, rounded as the type has it. */
export function valueOf(
  dtype: DType,
  shape: readonly number[],
  at: (index: number) => number,
): Value {
  const length = elementCount(shape);
  const data = allocate(dtype, length);
  if (data instanceof BigInt64Array)
    for (let i = 0; i < length; i++) data[i] = BigInt(Math.trunc(at(i)));
  else if (dtype === "f16") for (let i = 0; i < length; i++) data[i] = halfBits(at(i));
  else if (dtype === "bf16") for (let i = 0; i < length; i++) data[i] = bfloatBits(at(i));
  else for (let i = 0; i < length; i++) data[i] = at(i);
  return { dtype, shape, data };
}

/** The same elements in another order: element i of the result is element `from(i)` of `x`. */
export function pick(x: Value, shape: readonly number[], from: (index: number) => number): Value {
  const length = elementCount(shape);
  const { data: old } = x;
  const data = allocate(x.dtype, length);
  if (data instanceof BigInt64Array && old instanceof BigInt64Array)
    for (let i = 0; i < length; i++) data[i] = old[from(i)] ?? 0n;
  else if (!(data instanceof BigInt64Array) && !(old instanceof BigInt64Array))
    for (let i = 0; i < length; i++) data[i] = old[from(i)] ?? 0;
  return { ...x, shape, data };
}
