/** Resampling by area: each new pixel is the mean of the old picture under it. */

import { type Pixels, layoutOf, toByte } from "../pixels.js";

/**
 * Resizes the last two axes. New pixel i of n covers the old pixels [i * N / n, (i + 1) * N / n)
 * and is their mean, those at the rim by the share that is covered. Sums are in f64; u8 rounds
 * half up.
 */
export function resize(x: Pixels, height: number, width: number): Pixels {
  const from = layoutOf(x.shape);
  const rows = coverage(from.height, height);
  const columns = coverage(from.width, width);
  const length = from.planes * height * width;
  const out = x.dtype === "u8" ? new Uint8Array(length) : new Float32Array(length);
  const line = new Float64Array(from.width);
  const scale = (height / from.height) * (width / from.width);
  for (let plane = 0; plane < from.planes; plane++) {
    const start = plane * from.height * from.width;
    for (let y = 0; y < height; y++) {
      sumRows(x.data, start, from.width, rows, y, line);
      const target = (plane * height + y) * width;
      for (let i = 0; i < width; i++) {
        const value = sumColumns(line, columns, i) * scale;
        out[target + i] = x.dtype === "u8" ? toByte(value) : value;
      }
    }
  }
  const shape = [...x.shape.slice(0, -2), height, width];
  return out instanceof Uint8Array
    ? { dtype: "u8", shape, data: out }
    : { dtype: "f32", shape, data: out };
}

/** For each new index, the first old index it covers and the covered share of each from there on. */
interface Coverage {
  readonly first: Int32Array;
  readonly shares: readonly Float64Array[];
}

function coverage(old: number, fresh: number): Coverage {
  const first = new Int32Array(fresh);
  const shares = Array.from({ length: fresh }, (_, i) => {
    const low = (i * old) / fresh;
    const high = ((i + 1) * old) / fresh;
    const begin = Math.floor(low);
    first[i] = begin;
    const count = Math.max(1, Math.min(old, Math.ceil(high)) - begin);
    return Float64Array.from(
      { length: count },
      (_, k) => Math.min(high, begin + k + 1) - Math.max(low, begin + k),
    );
  });
  return { first, shares };
}

function sumRows(
  data: ArrayLike<number>,
  start: number,
  width: number,
  rows: Coverage,
  row: number,
  line: Float64Array,
): void {
  line.fill(0);
  const shares = rows.shares[row] ?? new Float64Array(0);
  const first = rows.first[row] ?? 0;
  for (let k = 0; k < shares.length; k++) {
    const share = shares[k] ?? 0;
    const offset = start + (first + k) * width;
    for (let i = 0; i < width; i++) line[i] = (line[i] ?? 0) + share * (data[offset + i] ?? 0);
  }
}

function sumColumns(line: Float64Array, columns: Coverage, column: number): number {
  const shares = columns.shares[column] ?? new Float64Array(0);
  const first = columns.first[column] ?? 0;
  let sum = 0;
  for (let k = 0; k < shares.length; k++) sum += (shares[k] ?? 0) * (line[first + k] ?? 0);
  return sum;
}
