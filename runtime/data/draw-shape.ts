/** The generator `shapes`: one noisy picture of one figure, a pure function of seed and index. */

import { assertNever } from "../../grammar/invariant.js";
import { createStream, normal, uniformDouble } from "../random.js";
import { toByte } from "./pixels.js";

/** The figures it can draw; a dataset's classes are names among them. */
export const shapeNames = ["ring", "disc", "cross", "square", "triangle", "bars"] as const;
export type ShapeName = (typeof shapeNames)[number];

export const isShapeName = (name: string): name is ShapeName =>
  shapeNames.some((known) => known === name);

export interface Drawing {
  readonly shape: ShapeName;
  readonly seed: number;
  readonly index: number;
  /** 1 or 3; a picture of one channel is no mean of three, but drawn in one. */
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Standard deviation of the pixel noise, of the range 0..1. */
  readonly noise: number;
}

/**
 * u8[channels, height, width]. A figure of random place, size, rotation, line width and color,
 * brighter or darker than its background by an even chance, on a background of a random linear
 * gradient, its edges blended over one pixel, plus Gaussian noise. As the sign of its contrast is
 * random, no linear function of the pixels tells the figures apart.
 */
export function drawShape(drawing: Drawing): Uint8Array<ArrayBuffer> {
  const { seed, index, channels, height, width, noise } = drawing;
  const stream = createStream(seed, "data/shapes");
  const draws = uniformDouble(stream, index, 0, 7 + 4 * channels);
  let next = 0;
  const between = (low: number, high: number): number => low + (high - low) * (draws[next++] ?? 0);

  const side = Math.min(height, width);
  const radius = side * between(0.2, 0.36);
  const figure: Figure = {
    shape: drawing.shape,
    x: between(radius, width - radius),
    y: between(radius, height - radius),
    radius,
    angle: between(0, 2 * Math.PI),
    line: Math.max(1.5, radius * between(0.22, 0.4)),
  };
  const polarity = between(0, 1) < 0.5 ? -1 : 1;
  const slope = between(0, 2 * Math.PI);
  const noises = normal(stream, index, 1, channels * height * width);
  const covered = coverage(figure, height, width);
  const picture = new Uint8Array(channels * height * width);
  for (let channel = 0; channel < channels; channel++) {
    const base = between(0.35, 0.65);
    const gradient = between(-0.3, 0.3);
    const tilt = slope + between(-0.5, 0.5);
    const contrast = polarity * between(0.2, 0.45);
    const [east, south] = [gradient * Math.cos(tilt), gradient * Math.sin(tilt)];
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const pixel = y * width + x;
        const i = channel * height * width + pixel;
        const ground = base + east * ((x + 0.5) / width - 0.5) + south * ((y + 0.5) / height - 0.5);
        const value = ground + contrast * (covered[pixel] ?? 0) + noise * (noises[i] ?? 0);
        picture[i] = toByte(255 * value);
      }
  }
  return picture;
}

interface Figure {
  readonly shape: ShapeName;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly angle: number;
  /** Width of lines. */
  readonly line: number;
}

/** How much of each pixel the figure covers, by the distance of its center from the edge. */
function coverage(figure: Figure, height: number, width: number): Float64Array {
  const [cos, sin] = [Math.cos(figure.angle), Math.sin(figure.angle)];
  const covered = new Float64Array(height * width);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const dx = column + 0.5 - figure.x;
      const dy = row + 0.5 - figure.y;
      const distance = distanceTo(figure, cos * dx + sin * dy, cos * dy - sin * dx);
      covered[row * width + column] = Math.min(1, Math.max(0, 0.5 - distance));
    }
  return covered;
}

/** Signed distance to the figure's edge in its own axes; negative inside. */
function distanceTo(figure: Figure, x: number, y: number): number {
  const { radius, line } = figure;
  const half = line / 2;
  switch (figure.shape) {
    case "ring":
      return Math.abs(Math.hypot(x, y) - radius + half) - half;
    case "disc":
      return Math.hypot(x, y) - radius;
    case "cross":
      return Math.min(toBox(x, y, radius, half), toBox(x, y, half, radius));
    case "square":
      return Math.abs(toBox(x, y, 0.75 * radius, 0.75 * radius) + half) - half;
    case "triangle":
      return Math.abs(toTriangle(x, y, radius) + half) - half;
    case "bars": {
      const gap = radius * 0.62;
      return toBox(x, Math.abs(y) - gap, 0.85 * radius, half);
    }
    default:
      return assertNever(figure.shape);
  }
}

function toBox(x: number, y: number, halfWidth: number, halfHeight: number): number {
  const dx = Math.abs(x) - halfWidth;
  const dy = Math.abs(y) - halfHeight;
  return Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(0, Math.max(dx, dy));
}

/** Equilateral, corners at `radius`: the largest of the distances to its three sides. */
function toTriangle(x: number, y: number, radius: number): number {
  const slanted = (Math.sqrt(3) / 2) * Math.abs(x) + y / 2;
  return Math.max(slanted, -y) - radius / 2;
}
