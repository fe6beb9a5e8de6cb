/** Boxes on a picture on their way through its transforms, and the fields that they become. */

import type { FieldReader } from "../../compiler/plan/data.js";
import { invariant } from "../../grammar/invariant.js";
import { coveredShare, tileGrid } from "./tile-geometry.js";
import { type Value, valueOf } from "./value.js";

/** xmin, ymin, xmax, ymax in pixels. */
export type Box = readonly [number, number, number, number];

export interface Marks {
  readonly boxes: readonly Box[];
  /** By box. */
  readonly classes: readonly number[];
  /** Height and width of the picture as its transforms have left it. */
  readonly frame: readonly [number, number];
}

/** Boxes after a move of points along each axis, `a x + b`, cut to the new picture; those beyond it are gone. */
export function moveBoxes(
  { boxes, classes }: Marks,
  to: { readonly x: readonly [number, number]; readonly y: readonly [number, number] },
  frame: readonly [number, number],
): Marks {
  const [height, width] = frame;
  const kept: Box[] = [];
  const names: number[] = [];
  boxes.forEach(([xmin, ymin, xmax, ymax], i) => {
    const along = (
      [a, b]: readonly [number, number],
      low: number,
      high: number,
      extent: number,
    ): readonly [number, number] => {
      const ends = [a * low + b, a * high + b];
      return [Math.max(0, Math.min(...ends)), Math.min(extent, Math.max(...ends))];
    };
    const [left, right] = along(to.x, xmin, xmax, width);
    const [top, bottom] = along(to.y, ymin, ymax, height);
    if (left >= right || top >= bottom) return;
    kept.push([left, top, right, bottom]);
    names.push(classes[i] ?? -1);
  });
  return { boxes: kept, classes: names, frame };
}

/**
 * The field's own value: boxes as f32[max, 4], zeros where there is none, classes as i64[max], -1
 * there, or by tile as bool[N] whether boxes cover enough of it.
 */
export function valueOfMarks(reader: FieldReader, { boxes, classes, frame }: Marks): Value {
  if (reader.kind === "tile_boxes") {
    const { size, overlap, atLeast } = reader;
    const { rows, columns, stride } = tileGrid(frame[0], frame[1], size, overlap);
    const rectangles = boxes.map(([xmin, ymin, xmax, ymax]) => ({ xmin, ymin, xmax, ymax }));
    return valueOf("bool", [rows * columns], (i) => {
      const [top, left] = [Math.floor(i / columns) * stride, (i % columns) * stride];
      const tile = { xmin: left, ymin: top, xmax: left + size, ymax: top + size };
      return coveredShare(tile, rectangles) >= atLeast ? 1 : 0;
    });
  }
  invariant(reader.kind === "boxes" || reader.kind === "box_classes", `${reader.kind} reads boxes`);
  const { max } = reader;
  return reader.kind === "boxes"
    ? valueOf("f32", [max, 4], (i) => boxes[Math.floor(i / 4)]?.[i % 4] ?? 0)
    : valueOf("i64", [max], (i) => classes[i] ?? -1);
}
