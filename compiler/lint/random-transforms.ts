/** Transforms of records that draw random numbers. */

import type { DatasetOp } from "../plan/dataset.js";

const isRandom: Readonly<Record<DatasetOp["kind"], boolean>> = {
  affine: true,
  blur: true,
  center_crop: false,
  color_jitter: true,
  crop: false,
  cutout: true,
  hflip: true,
  jitter: true,
  noise: true,
  normalize: false,
  pad: false,
  random_crop: true,
  random_shift: true,
  rearrange: false,
  rescale: false,
  resize: false,
  rotate: true,
  scale: true,
  standardize: false,
  tile: false,
  to: false,
  vflip: true,
};

/** By name. They are there to train with. */
export const randomTransforms: ReadonlySet<string> = new Set(
  Object.entries(isRandom).flatMap(([name, random]) => (random ? [name] : [])),
);
