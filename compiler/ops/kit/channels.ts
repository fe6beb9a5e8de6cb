/** Values per channel: channels are axis 1, everything else is reduced. */

import { type Rejection, reject } from "../../../grammar/diagnostic.js";
import { rankDiffers, valuesPerChannel } from "../../../grammar/diagnostics/shape.js";
import { at } from "../../../grammar/invariant.js";
import {
  type Dim,
  divideExactly,
  multiplyDims,
  printDim,
  productOf,
  sameShape,
} from "../../ir/dim.js";
import { type TensorType, printType, rankOf } from "../../ir/type.js";
import {
  type NdArray,
  broadcastTo,
  mapElements,
  reduceAxes,
  reshaped,
  sumOf,
  zip,
} from "./ndarray.js";

/** All axes but the channels. */
export const spatialAxes = (rank: number): readonly number[] =>
  Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== 1);

/** Refuses an `x` without channels, or a parameter that has not one value per channel. */
export function channelsMatch<const I extends string>(
  op: string,
  x: TensorType,
  parameters: Readonly<Record<I, TensorType>>,
): Rejection<I | "x"> | null {
  const expected = "at least two axes";
  if (rankOf(x) < 2)
    return reject(rankDiffers, { op, input: "x", expected, actual: printType(x) }, "x");
  const channels = at(x.shape, 1);
  for (const name in parameters) {
    const type = parameters[name];
    if (!sameShape(type.shape, [channels]))
      return reject(
        valuesPerChannel,
        {
          parameter: name,
          actual: printType(type),
          input: printType(x),
          channels: printDim(channels),
        },
        name,
      );
  }
  return null;
}

/** One value per channel, lifted to the rank of `x`. */
export const lift = (values: NdArray, rank: number): NdArray =>
  reshaped(values, [at(values.shape, 0), ...Array.from({ length: rank - 2 }, () => 1)]);

/** The sum of each channel. */
export const channelSums = (x: NdArray): NdArray =>
  reduceAxes(x, { axes: spatialAxes(x.shape.length), keep: false }, sumOf);

/** Mean and biased variance over the given axes. */
export function momentsOf(
  x: NdArray,
  axes: readonly number[],
): { readonly mean: NdArray; readonly variance: NdArray } {
  const mean = reduceAxes(x, { axes, keep: false }, average);
  const variance = reduceAxes(x, { axes, keep: false }, (values) => {
    const middle = average(values);
    return average(values.map((value) => (value - middle) ** 2));
  });
  return { mean, variance };
}

/** `(x - mean) / sqrt(variance + eps) * scale + bias`, per channel. */
export function normalized(
  x: NdArray,
  p: {
    readonly scale: NdArray;
    readonly bias: NdArray;
    readonly mean: NdArray;
    readonly variance: NdArray;
    readonly eps: number;
  },
): NdArray {
  const rank = x.shape.length;
  const inverse = mapElements(p.variance, (value) => 1 / Math.sqrt(value + p.eps));
  const factor = lift(
    zip(inverse, p.scale, (a, b) => a * b),
    rank,
  );
  const centered = zip(x, lift(p.mean, rank), (a, b) => a - b);
  return zip(
    zip(centered, factor, (a, b) => a * b),
    lift(p.bias, rank),
    (a, b) => a + b,
  );
}

/** One value per channel in every place of `shape`. */
export const spread = (values: NdArray, shape: readonly number[]): NdArray =>
  broadcastTo(lift(values, shape.length), shape);

const average = (values: readonly number[]): number => sumOf(values) / values.length;

/** `[N, groups, elements of a group]`. */
export const groupedShape = (shape: readonly Dim[], groups: number): readonly Dim[] => [
  at(shape, 0),
  groups,
  multiplyDims(divideExactly(at(shape, 1), groups) ?? 0, productOf(shape.slice(2))),
];
