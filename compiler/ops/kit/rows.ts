/** Normalizations by record: the axes from one on, and what they have in common. */

import { at } from "../../../grammar/invariant.js";
import { type Rejection, reject } from "../../../grammar/diagnostic.js";
import { attributeRange, rankDiffers } from "../../../grammar/diagnostics/shape.js";
import { printDim, sameShape } from "../../ir/dim.js";
import { type TensorType, printType, rankOf } from "../../ir/type.js";
import { type NdArray, boundShape, countOf, reduceAxes, sumOf, zip } from "./ndarray.js";
import type { OnnxBuilder, OnnxOperand } from "./onnx-builder.js";

/** `from`, `from + 1`, …, up to the last axis. */
export const trailingAxes = (rank: number, from: number): readonly number[] =>
  Array.from({ length: rank - from }, (_, i) => from + i);

/** Refuses parameters that are not of the shape of the last axes of `x`. */
export function parametersMatch<const I extends string>(
  op: string,
  x: TensorType,
  parameters: Readonly<Record<I, TensorType>>,
): Rejection<I> | null {
  let first: TensorType | null = null;
  for (const name in parameters) {
    const type = parameters[name];
    if (rankOf(type) < 1 || rankOf(type) > rankOf(x)) {
      const expected = `1 to ${rankOf(x)} axes`;
      return reject(rankDiffers, { op, input: name, expected, actual: printType(type) }, name);
    }
    const own = x.shape.slice(-rankOf(first ?? type));
    if (!sameShape(type.shape, own)) {
      const expected = `of the shape [${own.map(printDim).join(", ")}]`;
      return reject(attributeRange, { attribute: name, expected, actual: printType(type) }, name);
    }
    first ??= type;
  }
  return null;
}

/** How many elements lie along `axes`. */
export const averageOver = (x: TensorType, axes: readonly number[]): number =>
  countOf(boundShape(axes.map((axis) => at(x.shape, axis))));

/** Mean and biased variance over `axes`, which stay as extents of 1. */
export function momentsKept(
  x: NdArray,
  axes: readonly number[],
): { readonly mean: NdArray; readonly variance: NdArray } {
  const average = (a: NdArray): NdArray =>
    reduceAxes(a, { axes, keep: true }, (values) => sumOf(values) / values.length);
  const mean = average(x);
  return { mean, variance: average(zip(x, mean, (a, b) => (a - b) ** 2)) };
}

/** Up to here an initializer is smaller than the nodes that would expand it. */
const smallCount = 256;

/** Ones of the shape of `x` from axis `from` on. */
export function onesLike(o: OnnxBuilder, x: OnnxOperand, from: number): string {
  const shape = boundShape(x.type.shape.slice(from));
  const count = countOf(shape);
  if (count > smallCount) return o.node("Expand", [o.floats([1], [], x.type.dtype), o.ints(shape)]);
  return o.floats(
    Array.from({ length: count }, () => 1),
    shape,
    x.type.dtype,
  );
}
