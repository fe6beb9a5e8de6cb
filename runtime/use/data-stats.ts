/** Means, deviations and extremes of the training records, by field and channel. */

import type { DataProgram, DType } from "../../compiler/plan/data.js";
import { at } from "../../grammar/invariant.js";
import { configureDecoder } from "../data/decode-image.js";
import type { SplitName } from "../data/dataset.js";
import { findRecords } from "../data/open-dataset.js";
import { createRecordReader } from "../data/read-record.js";
import { recordsOf } from "../data/split.js";
import type { Value } from "../data/value.js";
import { numbersOf } from "../metrics/numbers.js";
import { elementCount } from "../tensor.js";

/** Of one field; lists have an entry per channel, or one for all. */
export interface FieldStats {
  readonly field: string;
  readonly dtype: DType;
  /** What the numbers are divided by: bytes of pictures count as 0..1, as `normalize` takes them. */
  readonly unit: number;
  readonly mean: readonly number[];
  /** Of the population: divided by the count. */
  readonly std: readonly number[];
  readonly min: readonly number[];
  readonly max: readonly number[];
  readonly elements: number;
}

export interface DataStats {
  readonly dataset: string;
  readonly split: SplitName;
  readonly records: number;
  readonly fields: readonly FieldStats[];
}

/** More entries than these are taken together. */
const mostChannels = 64;

/**
 * Statistics of the fields as they are read, before transforms. Pictures have a channel each, and
 * vectors of up to 64 numbers an entry each; labels and truths are `saic data check`'s. Sums are in
 * f64 about the first number. Faults where a record cannot be read.
 */
export async function dataStats(
  program: DataProgram,
  seed: number,
  split: SplitName,
  onProgress: (done: number, all: number) => void,
): Promise<DataStats> {
  configureDecoder();
  const { records, manifest } = await findRecords(program, seed);
  const indices = recordsOf(manifest, split);
  const reader = createRecordReader(program, seed, 64 * 2 ** 20);
  const tallies = new Map<string, Tally>();
  for (const [i, index] of indices.entries()) {
    const request = { index, record: at(records, index), kept: {} };
    for (const { name } of program.fields) {
      const value = await reader.readUpTo(name, request, 0);
      if (!isMeasured(value)) continue;
      const tally = tallies.get(name) ?? createTally(value);
      tallies.set(name, tally);
      tally.add(value);
    }
    onProgress(i + 1, indices.length);
  }
  const fields = [...tallies].map(([field, tally]) => ({ field, ...tally.result() }));
  return { dataset: program.name, split, records: indices.length, fields };
}

const isMeasured = ({ dtype, shape }: Value): boolean =>
  dtype !== "bool" && (elementCount(shape) > 1 || dtype.startsWith("f") || dtype === "bf16");

interface Tally {
  readonly add: (value: Value) => void;
  readonly result: () => Omit<FieldStats, "field">;
}

function createTally({ dtype, shape }: Value): Tally {
  const unit = dtype === "u8" && shape.length >= 2 ? 255 : 1;
  // The axis before rows and columns, or the only one there is.
  const axis = shape.length >= 3 ? shape.length - 3 : shape.length === 1 ? 0 : null;
  const extent = axis === null ? 1 : (shape[axis] ?? 1);
  const channels = extent > mostChannels ? 1 : extent;
  const zeros = (fill = 0): Float64Array => new Float64Array(channels).fill(fill);
  const [origin, counts, sums, squares] = [zeros(), zeros(), zeros(), zeros()];
  const [min, max] = [zeros(Infinity), zeros(-Infinity)];
  return {
    add: (value) => {
      const number = numbersOf(value);
      // Pictures may differ in size, and never in channels.
      const inner = axis === null ? 1 : elementCount(value.shape.slice(axis + 1));
      for (let i = 0; i < value.data.length; i++) {
        const channel = channels === 1 ? 0 : Math.floor(i / inner) % channels;
        const x = number(i) / unit;
        if (counts[channel] === 0) origin[channel] = x;
        const distance = x - (origin[channel] ?? 0);
        counts[channel] = (counts[channel] ?? 0) + 1;
        sums[channel] = (sums[channel] ?? 0) + distance;
        squares[channel] = (squares[channel] ?? 0) + distance * distance;
        if (x < (min[channel] ?? 0)) min[channel] = x;
        if (x > (max[channel] ?? 0)) max[channel] = x;
      }
    },
    result: () => {
      const means = sums.map((sum, k) => sum / (counts[k] ?? 1));
      const variances = squares.map((sum, k) => sum / (counts[k] ?? 1) - (means[k] ?? 0) ** 2);
      return {
        dtype,
        unit,
        mean: Array.from(means, (mean, k) => mean + (origin[k] ?? 0)),
        std: Array.from(variances, (variance) => Math.sqrt(Math.max(0, variance))),
        min: [...min],
        max: [...max],
        elements: counts.reduce((a, b) => a + b, 0),
      };
    },
  };
}
