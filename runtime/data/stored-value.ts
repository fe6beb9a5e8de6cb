/** Values as they are kept between epochs: elements narrowed and packed as the cache says. */

import { gunzipSync, gzipSync } from "node:zlib";
import type { DataCache, DType } from "../../compiler/plan/data.js";
import { elementBytes, halfValue } from "../../compiler/plan/elements.js";
import { invariant } from "../../grammar/invariant.js";
import { arrayOn, elementCount } from "../tensor.js";
import { roundedHalves } from "./halves.js";
import { convert } from "./transforms/convert.js";
import type { Value } from "./value.js";

export interface StoredValue {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The type of the elements in `bytes`; a float is `dtype` again when it is read. */
  readonly stored: DType;
  readonly isPacked: boolean;
  /** The elements, little-endian, as one member of gzip where it is packed. */
  readonly bytes: Uint8Array;
}

export type Packing = Pick<DataCache, "dtype" | "compress">;

/** Keeps every bit and takes no time. */
export const asItIs: Packing = { dtype: null, compress: 0 };

/** Whether keeping changes numbers, so that every epoch must see what is kept. */
export const narrows = (dtype: DType, { dtype: to }: Packing): boolean =>
  to !== null &&
  to !== "u8" &&
  (dtype === "f32" || dtype === "f64") &&
  elementBytes[to] < elementBytes[dtype];

/** The value as it is kept; where nothing is narrowed or packed, its own memory. */
export function stored(value: Value, packing: Packing): StoredValue {
  invariant(value.marks === undefined, "boxes are not kept");
  const { dtype, shape } = value;
  const to = narrows(dtype, packing) && packing.dtype !== null ? packing.dtype : dtype;
  const { data } = to === dtype ? value : narrowed(value, to);
  const plain = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const isPacked = packing.compress > 0;
  const bytes = isPacked ? gzipSync(plain, { level: packing.compress }) : plain;
  return { dtype, shape, stored: to, isPacked, bytes };
}

/** The value that was kept; the memory is that of `bytes` where it can be. */
export function restored({ dtype, shape, stored: from, isPacked, bytes }: StoredValue): Value {
  const plain = isPacked ? gunzipSync(bytes) : bytes;
  const length = elementCount(shape);
  invariant(plain.byteLength === length * elementBytes[from], "a kept value has its length");
  // Typed arrays begin at multiples of their elements.
  const aligned = plain.byteOffset % elementBytes[from] === 0 ? plain : Uint8Array.from(plain);
  const data = arrayOn(from, aligned.buffer, aligned.byteOffset, length);
  return from === dtype ? { dtype, shape, data } : widened({ dtype: from, shape, data }, dtype);
}

/** The value as every epoch sees it. */
export const asKept = (value: Value, packing: Packing): Value =>
  narrows(value.dtype, packing) ? restored(stored(value, { ...packing, compress: 0 })) : value;

/** A copy in shared memory, which later jobs hand to any thread without copying. */
export function inSharedMemory(value: StoredValue): StoredValue {
  const bytes = new Uint8Array(new SharedArrayBuffer(value.bytes.byteLength));
  bytes.set(value.bytes);
  return { ...value, bytes };
}

const narrowed = (value: Value, to: DType): Value =>
  to === "f16" && value.data instanceof Float32Array
    ? { ...value, dtype: to, data: roundedHalves(value.data) }
    : convert(value, to);

function widened(value: Value, to: DType): Value {
  if (value.dtype !== "f16" || to !== "f32") return convert(value, to);
  const table = halves();
  const { data: bits } = value;
  const data = new Float32Array(bits.length);
  for (let i = 0; i < data.length; i++) data[i] = table[Number(bits[i])] ?? 0;
  return { ...value, dtype: to, data };
}

let table: Float32Array | null = null;
const halves = (): Float32Array =>
  (table ??= Float32Array.from({ length: 65536 }, (_, bits) => halfValue(bits)));
