/** What a number becomes when a tensor of some dtype holds it. */

import { type DType, isInteger } from "./type.js";

/**
 * The nearest number of that dtype, ties to even, overflow to infinity. An integer dtype takes
 * integers that f64 holds exactly, a bool takes 0 and 1; anything else is `null`.
 */
export function roundTo(dtype: DType, value: number): number | null {
  if (isInteger(dtype)) return isWithin(dtype, value) ? value : null;
  if (dtype === "bool") return value === 0 || value === 1 ? value : null;
  if (dtype === "f16") return roundToHalf(value);
  if (dtype === "bf16") return roundToBfloat(value);
  return dtype === "f32" ? Math.fround(value) : value;
}

function isWithin(dtype: DType, value: number): boolean {
  if (!Number.isSafeInteger(value)) return false;
  if (dtype === "u8") return value >= 0 && value <= 255;
  return dtype === "i64" || value === (value | 0);
}

/** The nearest IEEE 754 binary16. */
export function roundToHalf(value: number): number {
  const size = Math.abs(value);
  if (size === 0 || !Number.isFinite(value)) return value;
  // Halfway between the largest half, 65504, and the next power of two.
  if (size >= 65520) return Math.sign(value) * Infinity;
  const step = halfStep(size);
  return Math.sign(value) * roundToEven(size / step) * step;
}

/** The distance between halves around `size`: 2^-24 below 2^-14, then 2^(exponent - 10). */
export const halfStep = (size: number): number => 2 ** (Math.max(-14, floorLog2(size)) - 10);

/** The nearest bfloat16, from the nearest f32. */
function roundToBfloat(value: number): number {
  return floatOfBits(bfloatBits(value) << 16);
}

/** The bits of the nearest bfloat16: the upper half of the nearest f32, ties to even. */
export function bfloatBits(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
  const upper = bits >>> 16;
  const rest = bits & 0xffff;
  return rest > 0x8000 || (rest === 0x8000 && (upper & 1) === 1) ? upper + 1 : upper;
}

/** The bits of the nearest binary16. */
export function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(roundToHalf(value));
  if (Number.isNaN(size)) return 0x7e00;
  if (size === Infinity) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | (size / 2 ** -24);
  // Steps run from 1024 to 2047 within an exponent: the leading one is the exponent's carry.
  return sign | (size / halfStep(size) + (floorLog2(size) + 14) * 1024);
}

const floatOfBits = (bits: number): number =>
  new Float32Array(Int32Array.of(bits).buffer)[0] ?? NaN;

function floorLog2(size: number): number {
  const guess = Math.floor(Math.log2(size));
  if (2 ** guess > size) return guess - 1;
  return 2 ** (guess + 1) <= size ? guess + 1 : guess;
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
