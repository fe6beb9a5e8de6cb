/** Rotations and other affine maps at random, about the middle of the picture. */

import type { TransformOp } from "../../../compiler/plan/transform-op.js";
import type { Box, Marks } from "../marks.js";
import { layoutOf, toByte } from "../pixels.js";
import { pixelsOf, type Value, valueOf } from "../value.js";
import { type DrawPoint, drawAt } from "./draw.js";

export type WarpOp = Extract<TransformOp, { kind: "rotate" | "affine" }>;

/** A point's new place about the middle: m p + shift, and the way back. */
interface Warp {
  readonly m: readonly [number, number, number, number];
  readonly shift: readonly [number, number];
}

const radians = Math.PI / 180;

/**
 * The first draw decides against `p`, then come the angle, the shifts as shares of width and
 * height, the scale and the shear: scale R(angle) [1 tan(shear); 0 1], y downwards.
 */
function warpOf(op: WarpOp, height: number, width: number, point: DrawPoint): Warp | null {
  const [draw = 0, ...rest] = drawAt(point, 6);
  if (draw >= op.p) return null;
  const [angle = 0, dx = 0, dy = 0, size = 0, slant = 0] = rest;
  const about = (u: number, limit: number): number => limit * (2 * u - 1);
  const turn = about(angle, op.degrees) * radians;
  const [low, high] = op.kind === "affine" ? op.scale : [1, 1];
  const factor = low + (high - low) * size;
  const shear = op.kind === "affine" ? Math.tan(about(slant, op.shear) * radians) : 0;
  const [cos, sin] = [factor * Math.cos(turn), factor * Math.sin(turn)];
  const reach = op.kind === "affine" ? op.shift : 0;
  return {
    m: [cos, cos * shear - sin, sin, sin * shear + cos],
    shift: [about(dx, reach) * width, about(dy, reach) * height],
  };
}

/** Pictures are sampled between pixels, masks at the nearest one; boxes become those around their corners. */
export function warped(op: WarpOp, x: Value, point: DrawPoint): Value {
  const [height, width] = x.marks?.frame ?? [x.shape.at(-2) ?? 1, x.shape.at(-1) ?? 1];
  const warp = warpOf(op, height, width, point);
  if (warp === null) return x;
  return x.marks === undefined
    ? sampled(x, warp, op.value)
    : { ...x, marks: warpBoxes(x.marks, warp) };
}

function sampled(x: Value, { m, shift }: Warp, value: number): Value {
  const { height, width } = layoutOf(x.shape);
  const [a, b, c, d] = m;
  const determinant = a * d - b * c;
  const isMask = x.dtype === "bool";
  const { data } = isMask ? { data: x.data } : pixelsOf(x);
  const fill = isMask ? 0 : value;
  const at = (plane: number, row: number, column: number): number =>
    row < 0 || column < 0 || row >= height || column >= width
      ? fill
      : Number(data[(plane * height + row) * width + column] ?? 0);
  return valueOf(x.dtype, x.shape, (index) => {
    const column = index % width;
    const row = Math.floor(index / width) % height;
    const plane = Math.floor(index / (width * height));
    const px = column + 0.5 - width / 2 - shift[0];
    const py = row + 0.5 - height / 2 - shift[1];
    const sx = (d * px - b * py) / determinant + width / 2 - 0.5;
    const sy = (a * py - c * px) / determinant + height / 2 - 0.5;
    if (isMask) return at(plane, Math.round(sy), Math.round(sx));
    const [x0, y0] = [Math.floor(sx), Math.floor(sy)];
    const [fx, fy] = [sx - x0, sy - y0];
    const sum =
      (1 - fy) * ((1 - fx) * at(plane, y0, x0) + fx * at(plane, y0, x0 + 1)) +
      fy * ((1 - fx) * at(plane, y0 + 1, x0) + fx * at(plane, y0 + 1, x0 + 1));
    return x.dtype === "u8" ? toByte(sum) : sum;
  });
}

function warpBoxes({ boxes, classes, frame }: Marks, { m, shift }: Warp): Marks {
  const [height, width] = frame;
  const [a, b, c, d] = m;
  const kept: Box[] = [];
  const names: number[] = [];
  boxes.forEach(([xmin, ymin, xmax, ymax], i) => {
    const corners = [
      [xmin, ymin],
      [xmax, ymin],
      [xmin, ymax],
      [xmax, ymax],
    ].map(([x = 0, y = 0]) => {
      const [px, py] = [x - width / 2, y - height / 2];
      return [
        a * px + b * py + shift[0] + width / 2,
        c * px + d * py + shift[1] + height / 2,
      ] as const;
    });
    const xs = corners.map(([x]) => x);
    const ys = corners.map(([, y]) => y);
    const box: Box = [
      Math.max(0, Math.min(...xs)),
      Math.max(0, Math.min(...ys)),
      Math.min(width, Math.max(...xs)),
      Math.min(height, Math.max(...ys)),
    ];
    if (box[0] >= box[2] || box[1] >= box[3]) return;
    kept.push(box);
    names.push(classes[i] ?? -1);
  });
  return { boxes: kept, classes: names, frame };
}
