/**
 * Bytes of a picture where they lie: as they were decoded, channels side by side, or in planes, in a
 * window of it and mirrored or not, so that moving pixels costs nothing until they are read.
 */

import type { Picture } from "./decode-image.js";
import { layoutOf, type Pixels } from "./pixels.js";
import { partWords } from "./planes.js";

export interface StridedBytes {
  readonly data: Uint8Array;
  /** The axes before rows and columns; `planes` is their product. */
  readonly lead: readonly number[];
  readonly planes: number;
  readonly height: number;
  readonly width: number;
  /** Element (p, y, x) is `data[offset + p * plane + y * row + x * column]`. */
  readonly offset: number;
  readonly plane: number;
  readonly row: number;
  readonly column: number;
}

/** Neighboring indices of an axis, in one direction or the other. */
export interface Run {
  readonly first: number;
  readonly count: number;
  readonly isReversed: boolean;
}

/** A decoded picture, whole. */
export const ofPicture = ({ data, channels, height, width }: Picture): StridedBytes => ({
  data,
  lead: [channels],
  planes: channels,
  height,
  width,
  offset: 0,
  plane: 1,
  row: width * channels,
  column: channels,
});

/** Planes of bytes; rows and columns are the last two axes. */
export function ofPlanes(data: Uint8Array, shape: readonly number[]): StridedBytes {
  const { planes, height, width } = layoutOf(shape);
  const lead = shape.slice(0, -2);
  return {
    data,
    lead,
    planes,
    height,
    width,
    offset: 0,
    plane: height * width,
    row: width,
    column: 1,
  };
}

/** The rows and columns of two runs. */
export const cut = (x: StridedBytes, rows: Run, columns: Run): StridedBytes => ({
  ...x,
  height: rows.count,
  width: columns.count,
  offset: x.offset + begin(rows) * x.row + begin(columns) * x.column,
  row: rows.isReversed ? -x.row : x.row,
  column: columns.isReversed ? -x.column : x.column,
});

const begin = ({ first, count, isReversed }: Run): number =>
  isReversed ? first + count - 1 : first;

/** Whether the elements are all of the data, in whatever order. */
export const isWhole = ({ data, planes, height, width }: StridedBytes): boolean =>
  planes * height * width === data.length;

/** The bytes as planes; those that are so already are not copied. */
export function planar(x: StridedBytes): Pixels {
  const { data, lead, planes, height, width } = x;
  const shape = [...lead, height, width];
  const isPlanar =
    x.offset === 0 && x.column === 1 && x.row === width && x.plane === height * width;
  if (isPlanar && isWhole(x)) return { dtype: "u8", shape, data };
  const out = new Uint8Array(planes * height * width);
  if (Math.abs(x.column) === 1) copyRows(x, out);
  else if (!isInterleavedWhole(x) || !partWords(data, out)) copyElements(x, out);
  return { dtype: "u8", shape, data: out };
}

const isInterleavedWhole = (x: StridedBytes): boolean =>
  isWhole(x) && x.planes === 3 && x.plane === 1 && x.column === 3 && x.row === 3 * x.width;

function copyRows({ data, planes, height, width, ...x }: StridedBytes, out: Uint8Array): void {
  const back = x.column < 0 ? width - 1 : 0;
  for (let p = 0, to = 0; p < planes; p++)
    for (let y = 0; y < height; y++, to += width) {
      const from = x.offset + p * x.plane + y * x.row - back;
      out.set(data.subarray(from, from + width), to);
      if (back > 0) out.subarray(to, to + width).reverse();
    }
}

function copyElements({ data, planes, height, width, ...x }: StridedBytes, out: Uint8Array): void {
  const { column } = x;
  for (let p = 0, to = 0; p < planes; p++)
    for (let y = 0; y < height; y++) {
      let from = x.offset + p * x.plane + y * x.row;
      for (let i = 0; i < width; i++, from += column) out[to++] = data[from] ?? 0;
    }
}

/** The sum of all elements, exactly. */
export function sumOf(x: StridedBytes): number {
  const data = isWhole(x) ? x.data : planar(x).data;
  let sum = 0;
  const isAligned = data.byteOffset % 4 === 0;
  const words = isAligned ? new Uint32Array(data.buffer, data.byteOffset, data.length >> 2) : null;
  const count = words?.length ?? 0;
  // Four bytes at once, in two pairs of 16 bits, which 256 words cannot overflow.
  if (words !== null)
    for (let i = 0; i < count;) {
      const end = Math.min(count, i + 256);
      let even = 0;
      let odd = 0;
      for (; i < end; i++) {
        const word = words[i] ?? 0;
        even += word & 0xff00ff;
        odd += (word >>> 8) & 0xff00ff;
      }
      sum += (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16);
    }
  for (let i = 4 * count; i < data.length; i++) sum += data[i] ?? 0;
  return sum;
}
