/** Statistics of the training split that a dataset asks for, computed once when it is opened. */

import { numbersOf } from "../metrics/numbers.js";
import type { DataFit, DataProgram } from "../../compiler/plan/data.js";
import { valueNotFinite } from "../../grammar/diagnostics/data-content.js";
import { at, invariant } from "../../grammar/invariant.js";
import type { HostTensor } from "../tensor.js";
import { allocate, elementCount } from "../tensor.js";
import { badData } from "./bad-data.js";
import { createRecordReader } from "./read-record.js";
import type { DataRecord } from "./record.js";
import { type FitResult, resultIndex } from "./transforms/rescale.js";
import { type Value } from "./value.js";

/** Results by the fit's name. */
export type Fits = ReadonlyMap<string, FitResult>;

/** What each kind calls its results. */
const resultNames = { minmax: ["lo", "hi"], standard: ["mean", "std"] } as const;

/** By the path of the state that a graph reads: `data.Sim.range.lo`. */
export const statesOf = (program: DataProgram, fits: Fits): ReadonlyMap<string, HostTensor> =>
  new Map(
    [...fits.values()].flatMap(({ fit, first, second }) => {
      const [one, two] = resultNames[fit.kind];
      const owner = `data.${program.name}.${fit.name}`;
      return [[`${owner}.${one}`, first] as const, [`${owner}.${two}`, second] as const];
    }),
  );

/**
 * Reads the training records in their order, once per fit; a later fit sees what an earlier one has
 * rescaled. Sums are in f64, the deviation is the population's, and results are rounded to the
 * fit's type. The first number that is none is a fault.
 */
export async function computeFits(
  program: DataProgram,
  records: readonly DataRecord[],
  train: readonly number[],
  seed: number,
): Promise<Fits> {
  const fits = new Map<string, FitResult>();
  for (const fit of program.fits ?? []) {
    const reader = createRecordReader(program, seed, 0, fits);
    const tally = createTally(fit);
    for (const index of train) {
      const record = at(records, index);
      const value = await reader.readUpTo(fit.field, { index, record, kept: {} }, fit.after);
      if (tally.add(value)) continue;
      const { field, name } = fit;
      const file = record.file ?? "drawn data";
      const place = `${file}, record \`${record.id}\`, field \`${field}\``;
      throw badData(valueNotFinite, { field, fit: name, record: record.id }, place);
    }
    fits.set(fit.name, tally.result());
  }
  return fits;
}

interface Tally {
  /** `false` for a value with a number that is none. */
  readonly add: (value: Value) => boolean;
  readonly result: () => FitResult;
}

function createTally(fit: DataFit): Tally {
  const length = elementCount(fit.shape);
  const results = (one: ArrayLike<number>, two: ArrayLike<number>): FitResult => ({
    fit,
    first: tensorOf(fit, one),
    second: tensorOf(fit, two),
  });
  const each = (value: Value, take: (x: number, place: number) => void): boolean => {
    const number = numbersOf(value);
    const place = resultIndex(value.shape, fit.axes);
    for (let i = 0; i < value.data.length; i++) {
      const x = number(i);
      if (!Number.isFinite(x)) return false;
      take(x, place(i));
    }
    return true;
  };
  if (fit.kind === "minmax") {
    const low = new Float64Array(length).fill(Infinity);
    const high = new Float64Array(length).fill(-Infinity);
    return {
      add: (value) =>
        each(value, (x, k) => {
          if (x < (low[k] ?? 0)) low[k] = x;
          if (x > (high[k] ?? 0)) high[k] = x;
        }),
      result: () => results(low, high),
    };
  }
  // Sums about the first number keep the digits that sums of large squares would lose.
  const origin = new Float64Array(length);
  const counts = new Float64Array(length);
  const sums = new Float64Array(length);
  const squares = new Float64Array(length);
  return {
    add: (value) =>
      each(value, (x, k) => {
        if (counts[k] === 0) origin[k] = x;
        const distance = x - (origin[k] ?? 0);
        counts[k] = (counts[k] ?? 0) + 1;
        sums[k] = (sums[k] ?? 0) + distance;
        squares[k] = (squares[k] ?? 0) + distance * distance;
      }),
    result: () => {
      const mean = sums.map((sum, k) => sum / (counts[k] ?? 1));
      const variance = squares.map((sum, k) => sum / (counts[k] ?? 1) - (mean[k] ?? 0) ** 2);
      return results(
        mean.map((value, k) => (origin[k] ?? 0) + value),
        variance.map((value) => Math.sqrt(Math.max(0, value))),
      );
    },
  };
}

function tensorOf({ dtype, shape }: DataFit, values: ArrayLike<number>): HostTensor {
  const data = allocate(dtype, values.length);
  invariant(!(data instanceof BigInt64Array), "a fit is of a float type");
  for (let i = 0; i < values.length; i++) data[i] = values[i] ?? 0;
  return { dtype, shape, data };
}
