/** Bytes looked up in a table for each plane and written as planes of floats, wherever they lie. */

import { at } from "../../../grammar/invariant.js";
import type { StridedBytes } from "../strided.js";

/** `tables` has one of 256 for each plane; `out` is as long as the picture. */
export function lookUp(x: StridedBytes, tables: readonly Float32Array[], out: Float32Array): void {
  if (lookUpTriples(x, tables, out)) return;
  const plane = x.height * x.width;
  for (let p = 0; p < x.planes; p++) {
    const from = x.offset + p * x.plane;
    const table = at(tables, p);
    const target = out.subarray(p * plane, (p + 1) * plane);
    if (x.column === 1 && x.row === x.width) lookUpRow(x.data, from, table, target);
    else if (x.column === 1)
      for (let y = 0; y < x.height; y++)
        lookUpRow(x.data, from + y * x.row, table, target.subarray(y * x.width, (y + 1) * x.width));
    else lookUpEach(x, from, table, target);
  }
}

/** Neighbors, four at once where they lie in a word. */
function lookUpRow(data: Uint8Array, from: number, table: Float32Array, out: Float32Array): void {
  const start = data.byteOffset + from;
  const count = start % 4 === 0 ? out.length >> 2 : 0;
  const words = new Uint32Array(data.buffer, count === 0 ? 0 : start, count);
  for (let i = 0, to = 0; i < count; i++, to += 4) {
    const word = words[i] ?? 0;
    out[to] = table[word & 0xff] ?? 0;
    out[to + 1] = table[(word >>> 8) & 0xff] ?? 0;
    out[to + 2] = table[(word >>> 16) & 0xff] ?? 0;
    out[to + 3] = table[word >>> 24] ?? 0;
  }
  for (let i = 4 * count; i < out.length; i++) out[i] = table[data[from + i] ?? 0] ?? 0;
}

function lookUpEach(
  { data, height, width, row, column }: StridedBytes,
  start: number,
  table: Float32Array,
  out: Float32Array,
): void {
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0, from = start + y * row; x < width; x++, from += column)
      out[to++] = table[data[from] ?? 0] ?? 0;
}

/** Three channels side by side, four pixels at once, in either direction; `false` where words do not fit. */
function lookUpTriples(
  x: StridedBytes,
  tables: readonly Float32Array[],
  out: Float32Array,
): boolean {
  const { data, planes, height, width, row, column } = x;
  const isReversed = column < 0;
  const left = data.byteOffset + x.offset + (isReversed ? (width - 1) * column : 0);
  if (planes !== 3 || x.plane !== 1 || Math.abs(column) !== 3) return false;
  if (width % 4 !== 0 || row % 4 !== 0 || left % 4 !== 0) return false;
  const words = new Uint32Array(data.buffer, 0, data.buffer.byteLength >> 2);
  const [red, green, blue] = [at(tables, 0), at(tables, 1), at(tables, 2)];
  const plane = height * width;
  const step = isReversed ? -1 : 1;
  for (let y = 0; y < height; y++) {
    let r = y * width + (isReversed ? width - 1 : 0);
    const end = (left + y * row + 3 * width) / 4;
    for (let from = (left + y * row) / 4; from < end; from += 3) {
      const a = words[from] ?? 0;
      const b = words[from + 1] ?? 0;
      const c = words[from + 2] ?? 0;
      const g = r + plane;
      const h = g + plane;
      out[r] = red[a & 0xff] ?? 0;
      out[g] = green[(a >>> 8) & 0xff] ?? 0;
      out[h] = blue[(a >>> 16) & 0xff] ?? 0;
      out[r + step] = red[a >>> 24] ?? 0;
      out[g + step] = green[b & 0xff] ?? 0;
      out[h + step] = blue[(b >>> 8) & 0xff] ?? 0;
      out[r + 2 * step] = red[(b >>> 16) & 0xff] ?? 0;
      out[g + 2 * step] = green[b >>> 24] ?? 0;
      out[h + 2 * step] = blue[c & 0xff] ?? 0;
      out[r + 3 * step] = red[(c >>> 8) & 0xff] ?? 0;
      out[g + 3 * step] = green[(c >>> 16) & 0xff] ?? 0;
      out[h + 3 * step] = blue[c >>> 24] ?? 0;
      r += 4 * step;
    }
  }
  return true;
}
