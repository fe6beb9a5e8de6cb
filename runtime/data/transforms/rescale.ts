/** Maps values by what a fit has found: to limits, or to mean 0 and deviation 1. */

import { numbersOf } from "../../metrics/numbers.js";
import type { DataFit } from "../../../compiler/plan/data.js";
import type { HostTensor } from "../../tensor.js";
import { type Value, valueOf } from "../value.js";

/** A fit's results: `lo` and `hi`, or `mean` and `std`, in the fit's type. */
export interface FitResult {
  readonly fit: DataFit;
  readonly first: HostTensor;
  readonly second: HostTensor;
}

/**
 * (x - lo) / (hi - lo) (high - low) + low for `minmax`, (x - mean) / std for `standard`; a range or
 * deviation of 0 counts as 1, so that what never changes becomes `low`, or 0. In f64, rounded to
 * the fit's type.
 */
export function rescale(x: Value, result: FitResult, to: readonly [number, number] | null): Value {
  const { fit, first, second } = result;
  const place = resultIndex(x.shape, fit.axes);
  const a = first.data;
  const b = second.data;
  const [low, high] = to ?? [0, 1];
  const value = numbersOf(x);
  return valueOf(fit.dtype, x.shape, (i) => {
    const k = place(i);
    const start = Number(a[k] ?? 0);
    if (fit.kind === "standard") return (value(i) - start) / (Number(b[k] ?? 1) || 1);
    const range = Number(b[k] ?? 0) - start || 1;
    return ((value(i) - start) / range) * (high - low) + low;
  });
}

/** From an element of a record to that of a result which is reduced over `axes`. */
export function resultIndex(
  shape: readonly number[],
  axes: readonly number[],
): (index: number) => number {
  if (axes.length === shape.length) return () => 0;
  if (axes.length === 0) return (index) => index;
  // The stride of each axis in the result; 0 where it is reduced.
  const strides: number[] = shape.map(() => 0);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--)
    if (!axes.includes(axis)) {
      strides[axis] = stride;
      stride *= shape[axis] ?? 1;
    }
  return (index) => {
    let left = index;
    let place = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const extent = shape[axis] ?? 1;
      place += (left % extent) * (strides[axis] ?? 0);
      left = Math.floor(left / extent);
    }
    return place;
  };
}
