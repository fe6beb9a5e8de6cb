/** Converts the elements of a record to another type. */

import { numbersOf } from "../../metrics/numbers.js";
import type { DType } from "../../../compiler/plan/data.js";
import { toByte } from "../pixels.js";
import { type Value, valueOf } from "../value.js";

/**
 * Floats round to the nearest of the new type; to `i32` and `i64` they lose their fraction, to `u8`
 * they are rounded half up and clamped to 0..255, and to `bool` what is not 0 is true.
 */
export function convert(x: Value, dtype: DType): Value {
  if (x.dtype === dtype) return x;
  const value = numbersOf(x);
  if (dtype === "u8") return valueOf(dtype, x.shape, (i) => toByte(value(i)));
  if (dtype === "bool") return valueOf(dtype, x.shape, (i) => (value(i) === 0 ? 0 : 1));
  if (dtype === "i32") return valueOf(dtype, x.shape, (i) => Math.trunc(value(i)));
  return valueOf(dtype, x.shape, value);
}
