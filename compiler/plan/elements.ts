/** Elements of tensors as bytes and bits, for the graphs that are written and the state that is held. */

import type { DType } from "./data.js";

/** Bytes of one element. */
export const elementBytes: Readonly<Record<DType, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  f64: 8,
  i32: 4,
  i64: 8,
  u8: 1,
  bool: 1,
};

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

/** The f16 bit pattern nearest to `value`, ties to even; beyond 65520 it is infinite. */
export function halfBits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  // Below 2^-14 the spacing is that of the smallest normal number, 2^-24.
  const exponent = magnitude < 2 ** -14 ? -14 : exponentOf(magnitude);
  const steps = roundToEven(magnitude / 2 ** (exponent - 10));
  return sign | (((exponent + 14) << 10) + steps);
}

/** The bf16 bit pattern nearest to `value`, ties to even. */
export function bfloatBits(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= (2 - 2 ** -8) * 2 ** 127) return sign | 0x7f80;
  const exponent = magnitude < 2 ** -126 ? -126 : exponentOf(magnitude);
  const steps = roundToEven(magnitude / 2 ** (exponent - 7));
  return sign | (((exponent + 126) << 7) + steps);
}

/** floor(log2(x)) of a normal f64 above zero, exactly. */
function exponentOf(magnitude: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, magnitude);
  return ((view.getUint32(0) >>> 20) & 0x7ff) - 1023;
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
