/** Tensor types: a dtype and a shape of dims, printed in the language's own notation. */

import { elementBytes } from "../plan/elements.js";
import { type Dim, printDim, productOf, sameShape } from "./dim.js";
import { invariant } from "../../grammar/invariant.js";

export const dtypes = ["f32", "f16", "bf16", "f64", "i32", "i64", "u8", "bool"] as const;
export type DType = (typeof dtypes)[number];

/** What an op asks of an input. Inputs of one class must share one dtype: nothing is promoted. */
export type DTypeClass = "float" | "int" | "bool" | "number" | "any";

export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

export const tensorType = (dtype: DType, shape: readonly Dim[]): TensorType => ({ dtype, shape });

/** `f32[B, 784]`; a scalar is `f32[]`. */
export const printType = (type: TensorType): string =>
  `${type.dtype}[${type.shape.map(printDim).join(", ")}]`;

export const sameType = (a: TensorType, b: TensorType): boolean =>
  a === b || (a.dtype === b.dtype && sameShape(a.shape, b.shape));

export const rankOf = (type: TensorType): number => type.shape.length;

/** The element count, symbolic where a dim is. */
export const sizeOf = (type: TensorType): Dim => productOf(type.shape);

/** The element count of a type whose dims are all numbers. */
export function numelOf(type: TensorType): number {
  const size = sizeOf(type);
  invariant(typeof size === "number", `the size of ${printType(type)} is not bound`);
  return size;
}

export const isNumeric = (shape: readonly Dim[]): shape is readonly number[] =>
  shape.every((dim) => typeof dim === "number");

/** Bytes of one element. */
export const dtypeBytes = (dtype: DType): number => elementBytes[dtype];

export const isFloat = (dtype: DType): boolean =>
  dtype === "f32" || dtype === "f16" || dtype === "bf16" || dtype === "f64";

export const isInteger = (dtype: DType): boolean =>
  dtype === "i32" || dtype === "i64" || dtype === "u8";

/** Whether `dtype` belongs to `class`. */
export function belongsTo(dtype: DType, dtypeClass: DTypeClass): boolean {
  switch (dtypeClass) {
    case "float":
      return isFloat(dtype);
    case "int":
      return isInteger(dtype);
    case "bool":
      return dtype === "bool";
    case "number":
      return dtype !== "bool";
    case "any":
      return true;
  }
}
