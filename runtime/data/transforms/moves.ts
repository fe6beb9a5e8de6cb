/** Moves of pixels along rows and columns, for pictures, masks and boxes alike. */

import type { TransformOp } from "../../../compiler/plan/transform-op.js";
import { moveBoxes } from "../marks.js";
import { layoutOf } from "../pixels.js";
import { invariant } from "../../../grammar/invariant.js";
import { allocate } from "../../tensor.js";
import { cut, type Run, type StridedBytes } from "../strided.js";
import type { Value } from "../value.js";
import { type DrawPoint, drawAt } from "./draw.js";

export type MoveOp = Extract<
  TransformOp,
  { kind: "crop" | "center_crop" | "random_crop" | "pad" | "hflip" | "vflip" | "random_shift" }
>;

/** Where new rows and columns come from, -1 for what is filled, and where points go: `a x + b`. */
interface Move {
  readonly rows: Int32Array;
  readonly columns: Int32Array;
  readonly fill: number;
  readonly y: readonly [number, number];
  readonly x: readonly [number, number];
}

/** Whether a step is one of them. */
export const isMove = (op: TransformOp): op is MoveOp =>
  (moves as readonly string[]).includes(op.kind);

const moves: readonly MoveOp["kind"][] = [
  "crop",
  "center_crop",
  "random_crop",
  "pad",
  "hflip",
  "vflip",
  "random_shift",
];

/** A record for which a step cannot be made, in words that follow its name. */
export class UnsuitedError extends Error {}

/** Rows and columns of a picture, side by side. */
export interface Window {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** What a step leaves that cuts a window out of a picture of this size; `null` for any other step. */
export function windowOf(
  op: TransformOp,
  { height, width }: Pick<Window, "height" | "width">,
  point: DrawPoint,
): Window | null {
  if (op.kind !== "crop" && op.kind !== "center_crop" && op.kind !== "random_crop") return null;
  const move = moveOf(op, height, width, point);
  invariant(move !== null, "a crop leaves a window");
  const { rows, columns } = move;
  return { top: rows[0] ?? 0, left: columns[0] ?? 0, height: rows.length, width: columns.length };
}

/** Applies a move to a picture, masks, or boxes, under the draw of the step, the record and the epoch. */
export function moved(op: MoveOp, value: Value, point: DrawPoint): Value {
  const [height, width] = value.marks?.frame ?? [value.shape.at(-2) ?? 1, value.shape.at(-1) ?? 1];
  const move = moveOf(op, height, width, point);
  if (move === null) return value;
  if (value.marks !== undefined) {
    const frame = [move.rows.length, move.columns.length] as const;
    return { ...value, marks: moveBoxes(value.marks, move, frame) };
  }
  return gathered(value, move);
}

function gathered(value: Value, { rows, columns, fill }: Move): Value {
  const { planes, height, width } = layoutOf(value.shape);
  const shape = [...value.shape.slice(0, -2), rows.length, columns.length];
  const length = planes * rows.length * columns.length;
  const { dtype, data: old } = value;
  const data = allocate(dtype, length);
  invariant(
    !(old instanceof BigInt64Array || data instanceof BigInt64Array),
    "pictures and masks are no i64",
  );
  // A mask has nothing where a picture is filled.
  const blank = dtype === "bool" ? 0 : fill;
  const run = runOf(columns);
  for (let plane = 0, target = 0; plane < planes; plane++)
    for (let y = 0; y < rows.length; y++, target += columns.length) {
      const row = rows[y] ?? -1;
      const start = (plane * height + row) * width;
      if (row < 0) data.fill(blank, target, target + columns.length);
      else if (run === null)
        for (let x = 0; x < columns.length; x++) {
          const column = columns[x] ?? -1;
          data[target + x] = column < 0 ? blank : (old[start + column] ?? 0);
        }
      else {
        data.set(old.subarray(start + run.first, start + run.first + columns.length), target);
        if (run.isReversed) data.subarray(target, target + columns.length).reverse();
      }
    }
  return { ...value, shape, data };
}

/** Indices that lie side by side in the old picture, in one direction or the other, else `null`. */
function runOf(indices: Int32Array): Run | null {
  const [first = -1] = indices;
  const last = indices.at(-1) ?? -1;
  const step = last < first ? -1 : 1;
  if (first < 0 || last < 0) return null;
  for (let i = 1; i < indices.length; i++) if (indices[i] !== first + i * step) return null;
  return { first: Math.min(first, last), count: indices.length, isReversed: step < 0 };
}

/** The same of bytes, without touching them; `null` where new rows or columns are no neighbors. */
export function movedBytes(op: MoveOp, x: StridedBytes, point: DrawPoint): StridedBytes | null {
  const move = moveOf(op, x.height, x.width, point);
  if (move === null) return x;
  const rows = runOf(move.rows);
  const columns = runOf(move.columns);
  return rows === null || columns === null ? null : cut(x, rows, columns);
}

/** `null` leaves the record as it is. */
function moveOf(op: MoveOp, height: number, width: number, point: DrawPoint): Move | null {
  switch (op.kind) {
    case "crop":
      return windowAt(op.top, op.left, op.height, op.width, height, width);
    case "center_crop": {
      const top = Math.floor((height - op.height) / 2);
      return windowAt(top, Math.floor((width - op.width) / 2), op.height, op.width, height, width);
    }
    case "random_crop": {
      const [u = 0, v = 0] = drawAt(point, 2);
      const top = Math.floor(u * (height - op.height + 1));
      const left = Math.floor(v * (width - op.width + 1));
      return windowAt(top, left, op.height, op.width, height, width);
    }
    case "random_shift": {
      const [u = 0, v = 0] = drawAt(point, 2);
      const down = Math.floor(u * (2 * op.pad + 1)) - op.pad;
      const right = Math.floor(v * (2 * op.pad + 1)) - op.pad;
      return {
        rows: range(height, (i) => clamp(i + down, height)),
        columns: range(width, (i) => clamp(i + right, width)),
        fill: 0,
        y: [1, -down],
        x: [1, -right],
      };
    }
    case "pad": {
      const isEdge = op.value === "edge";
      const place = (i: number, before: number, extent: number): number =>
        isEdge ? clamp(i - before, extent) : i < before || i - before >= extent ? -1 : i - before;
      return {
        rows: range(height + op.top + op.bottom, (i) => place(i, op.top, height)),
        columns: range(width + op.left + op.right, (i) => place(i, op.left, width)),
        fill: op.value === "edge" ? 0 : op.value,
        y: [1, op.top],
        x: [1, op.left],
      };
    }
    case "hflip":
    case "vflip": {
      const [draw = 0] = drawAt(point, 1);
      if (draw >= op.p) return null;
      const isHorizontal = op.kind === "hflip";
      return {
        rows: range(height, (i) => (isHorizontal ? i : height - 1 - i)),
        columns: range(width, (i) => (isHorizontal ? width - 1 - i : i)),
        fill: 0,
        y: isHorizontal ? [1, 0] : [-1, height],
        x: isHorizontal ? [-1, width] : [1, 0],
      };
    }
  }
}

function windowAt(
  top: number,
  left: number,
  height: number,
  width: number,
  oldHeight: number,
  oldWidth: number,
): Move {
  if (top < 0 || left < 0 || top + height > oldHeight || left + width > oldWidth)
    throw new UnsuitedError(
      `a window of ${height} x ${width} at row ${Math.max(0, top)}, column ${Math.max(0, left)} leaves the picture of ${oldHeight} x ${oldWidth}`,
    );
  return {
    rows: range(height, (i) => i + top),
    columns: range(width, (i) => i + left),
    fill: 0,
    y: [1, -top],
    x: [1, -left],
  };
}

const range = (length: number, at: (index: number) => number): Int32Array =>
  Int32Array.from({ length }, (_, i) => at(i));

const clamp = (index: number, extent: number): number => Math.min(extent - 1, Math.max(0, index));
