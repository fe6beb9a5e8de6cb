/** What a number becomes when a tensor of some dtype holds it. */

import { bfloatBits, bfloatValue, halfBits, halfValue } from "../plan/elements.js";
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
const roundToHalf = (value: number): number => halfValue(halfBits(value));

/** The nearest bfloat16, from the nearest f32. */
const roundToBfloat = (value: number): number => bfloatValue(bfloatBits(Math.fround(value)));
