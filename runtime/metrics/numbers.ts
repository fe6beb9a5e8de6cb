/** Elements of tensors as JavaScript numbers, whatever their type. */

import type { HostTensor } from "../tensor.js";

/** Reads elements of any tensor as f64; i64 beyond 2^53 rounds. */
export function numbersOf({ dtype, data }: HostTensor): (index: number) => number {
  if (dtype === "f16") return (index) => halfValue(Number(data[index] ?? 0));
  if (dtype === "bf16") return (index) => bfloatValue(Number(data[index] ?? 0));
  return (index) => Number(data[index] ?? 0);
}

/** The value of an f16 bit pattern. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The value of a bf16 bit pattern: the upper half of an f32. */
export function bfloatValue(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits * 2 ** 16);
  return view.getFloat32(0);
}
