/** The transforms as one: which types a step takes and gives, whether it draws, and its application. */

import type { DType } from "../../../compiler/plan/data.js";
import type { TransformOp } from "../../../compiler/plan/transform-op.js";
import { assertNever, invariant } from "../../../grammar/invariant.js";
import { moveBoxes } from "../marks.js";
import { tileGrid } from "../tile-geometry.js";
import { pick, pixelsOf, type Value } from "../value.js";
import { colorJitter } from "./colors.js";
import { convert } from "./convert.js";
import { blur, cutout, noise, scale } from "./disturb.js";
import type { DrawPoint } from "./draw.js";
import { jitter } from "./jitter.js";
import { moved } from "./moves.js";
import { normalize } from "./normalize.js";
import { rearrange } from "./rearrange.js";
import { type FitResult, rescale } from "./rescale.js";
import { resize } from "./resize.js";
import { standardize } from "./standardize.js";
import { warped } from "./warp.js";

export interface FieldType {
  readonly dtype: DType;
  /** `null` is an extent that only the files tell. */
  readonly shape: readonly (number | null)[];
}

export type Outcome =
  | { readonly ok: true; readonly type: FieldType }
  | { readonly ok: false; readonly problem: string };

/** The type a step gives, or why it does not take this one. */
export function outcomeOf(op: TransformOp, type: FieldType): Outcome {
  const { dtype, shape } = type;
  switch (op.kind) {
    case "rescale":
      return yes(dtype === "f64" ? dtype : "f32", shape);
    case "rearrange":
      return yes(dtype, op.shape);
    case "to":
      return yes(op.dtype, shape);
    case "noise":
    case "scale":
      return yes(dtype, shape);
    default:
      return outcomeOfPixels(op, type);
  }
}

type PixelOp = Exclude<TransformOp, { kind: "rescale" | "rearrange" | "to" | "noise" | "scale" }>;

function outcomeOfPixels(op: PixelOp, type: FieldType): Outcome {
  const { dtype, shape } = type;
  if (!["u8", "f32", "bool"].includes(dtype))
    return no(`it takes \`u8\` or \`f32\`, not \`${dtype}\``);
  if (shape.length < 2) return no("it needs rows and columns as the last two axes");
  const sized = (height: number | null, width: number | null): Outcome =>
    yes(dtype, [...shape.slice(0, -2), height, width]);
  const [height = null, width = null] = shape.slice(-2);
  switch (op.kind) {
    case "resize":
    case "crop":
    case "center_crop":
    case "random_crop":
      return sized(op.height, op.width);
    case "pad":
      return sized(
        height === null ? null : height + op.top + op.bottom,
        width === null ? null : width + op.left + op.right,
      );
    case "normalize": {
      const channels = shape.length > 2 ? (shape.at(-3) ?? 1) : 1;
      for (const [name, values] of Object.entries({ mean: op.mean, std: op.std }))
        if (values.length !== 1 && values.length !== channels)
          return no(`it has ${values.length} values of \`${name}\` for ${channels} channels`);
      return yes("f32", shape);
    }
    case "standardize":
      return yes("f32", shape);
    case "tile": {
      if (height === null || width === null) return no("it needs a picture of known size");
      const { rows, columns } = tileGrid(height, width, op.size, op.overlap);
      const channels = shape.at(-3) ?? 1;
      return yes(dtype, [...shape.slice(0, -3), rows * columns, channels, op.size, op.size]);
    }
    case "hflip":
    case "vflip":
    case "jitter":
    case "random_shift":
    case "rotate":
    case "affine":
    case "color_jitter":
    case "blur":
    case "cutout":
      return yes(dtype, shape);
    default:
      return assertNever(op);
  }
}

const steady: readonly TransformOp["kind"][] = [
  "resize",
  "crop",
  "center_crop",
  "pad",
  "normalize",
  "standardize",
  "rescale",
  "rearrange",
  "tile",
  "to",
];

/** Whether a step's result depends on its draw. */
export const isRandom = ({ kind }: TransformOp): boolean => !steady.includes(kind);

const moving: readonly TransformOp["kind"][] = [
  "resize",
  "crop",
  "center_crop",
  "random_crop",
  "pad",
  "hflip",
  "vflip",
  "random_shift",
  "rotate",
  "affine",
];

/** Whether a step puts pixels at other places. */
export const movesPixels = ({ kind }: TransformOp): boolean => moving.includes(kind);

/** Applies one step; `x` is left as it is. `fits` are those that the dataset has computed. */
export function transform(
  op: TransformOp,
  x: Value,
  point: DrawPoint,
  fits: ReadonlyMap<string, FitResult> = new Map(),
): Value {
  switch (op.kind) {
    case "rescale": {
      const fit = fits.get(op.fit);
      invariant(fit !== undefined, `the fit ${op.fit} is known when it is used`);
      return rescale(x, fit, op.to);
    }
    case "rearrange":
      return rearrange(x, op.split, op.order, op.shape);
    case "to":
      return convert(x, op.dtype);
    case "resize":
      return resized(x, op.height, op.width);
    case "crop":
    case "center_crop":
    case "random_crop":
    case "random_shift":
    case "pad":
    case "hflip":
    case "vflip":
      return moved(op, x, point);
    case "rotate":
    case "affine":
      return warped(op, x, point);
    case "normalize":
      return normalize(pixelsOf(x), op);
    case "standardize":
      return standardize(pixelsOf(x));
    case "jitter":
      return jitter(pixelsOf(x), op.brightness, op.contrast, point);
    case "color_jitter":
      return colorJitter(pixelsOf(x), op, point);
    case "blur":
      return blur(pixelsOf(x), op.sigma, op.p, point);
    case "noise":
      return noise(x, op.std, op.p, point);
    case "cutout":
      return cutout(x, op, point);
    case "scale":
      return scale(x, op.by, op.p, point);
    case "tile":
      return tiled(x, op.size, op.overlap);
    default:
      return assertNever(op);
  }
}

/** Masks are true where at least half of a new pixel is; boxes grow with the picture. */
function resized(x: Value, height: number, width: number): Value {
  if (x.marks !== undefined) {
    const [oldHeight, oldWidth] = x.marks.frame;
    const to = { x: [width / oldWidth, 0], y: [height / oldHeight, 0] } as const;
    return { ...x, marks: moveBoxes(x.marks, to, [height, width]) };
  }
  if (x.dtype !== "bool") return resize(pixelsOf(x), height, width);
  const shares = resize(
    { dtype: "f32", shape: x.shape, data: Float32Array.from(x.data, Number) },
    height,
    width,
  );
  const data = Uint8Array.from(shares.data, (share) => (share >= 0.5 - 1e-6 ? 1 : 0));
  return { dtype: "bool", shape: shares.shape, data };
}

/** [..., C, H, W] as [..., N, C, size, size], tiles row by row. */
function tiled(x: Value, size: number, overlap: number): Value {
  const [channels = 1, height = 1, width = 1] = x.shape.slice(-3);
  const { rows, columns, stride } = tileGrid(height, width, size, overlap);
  const shape = [...x.shape.slice(0, -3), rows * columns, channels, size, size];
  return pick(x, shape, (index) => {
    const column = index % size;
    const row = Math.floor(index / size) % size;
    const channel = Math.floor(index / (size * size)) % channels;
    const tile = Math.floor(index / (size * size * channels)) % (rows * columns);
    const picture = Math.floor(index / (size * size * channels * rows * columns));
    const y = Math.floor(tile / columns) * stride + row;
    const left = (tile % columns) * stride + column;
    return ((picture * channels + channel) * height + y) * width + left;
  });
}

const yes = (dtype: DType, shape: FieldType["shape"]): Outcome => ({
  ok: true,
  type: { dtype, shape },
});
const no = (problem: string): Outcome => ({ ok: false, problem });
