/** The transforms as one: which types a step takes and gives, whether it draws, and its application. */

import type { DType, TransformOp } from "../../../compiler/plan/data.js";
import { assertNever } from "../../../grammar/invariant.js";
import type { Pixels } from "../pixels.js";
import type { DrawPoint } from "./draw.js";
import { hflip } from "./hflip.js";
import { jitter } from "./jitter.js";
import { normalize } from "./normalize.js";
import { randomShift } from "./random-shift.js";
import { resize } from "./resize.js";
import { standardize } from "./standardize.js";

export interface FieldType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export type Outcome =
  | { readonly ok: true; readonly type: FieldType }
  | { readonly ok: false; readonly problem: string };

/** The type a step gives, or why it does not take this one. */
export function outcomeOf(op: TransformOp, type: FieldType): Outcome {
  const { dtype, shape } = type;
  if (dtype !== "u8" && dtype !== "f32") return no(`it takes \`u8\` or \`f32\`, not \`${dtype}\``);
  if (shape.length < 2) return no("it needs rows and columns as the last two axes");
  switch (op.kind) {
    case "resize":
      return yes(dtype, [...shape.slice(0, -2), op.height, op.width]);
    case "normalize": {
      const channels = shape.length > 2 ? (shape[0] ?? 1) : 1;
      for (const [name, values] of Object.entries({ mean: op.mean, std: op.std }))
        if (values.length !== 1 && values.length !== channels)
          return no(`it has ${values.length} values of \`${name}\` for ${channels} channels`);
      return yes("f32", shape);
    }
    case "standardize":
      return yes("f32", shape);
    case "hflip":
    case "jitter":
    case "random_shift":
      return yes(dtype, shape);
    default:
      return assertNever(op);
  }
}

/** Whether a step's result depends on its draw. */
export function isRandom(op: TransformOp): boolean {
  switch (op.kind) {
    case "hflip":
    case "jitter":
    case "random_shift":
      return true;
    case "resize":
    case "normalize":
    case "standardize":
      return false;
    default:
      return assertNever(op);
  }
}

/** Applies one step; `x` is left as it is. */
export function transform(op: TransformOp, x: Pixels, point: DrawPoint): Pixels {
  switch (op.kind) {
    case "resize":
      return resize(x, op.height, op.width);
    case "normalize":
      return normalize(x, op.mean, op.std);
    case "standardize":
      return standardize(x);
    case "hflip":
      return hflip(x, op.p, point);
    case "jitter":
      return jitter(x, op.brightness, op.contrast, point);
    case "random_shift":
      return randomShift(x, op.pad, point);
    default:
      return assertNever(op);
  }
}

const yes = (dtype: DType, shape: readonly number[]): Outcome => ({
  ok: true,
  type: { dtype, shape },
});
const no = (problem: string): Outcome => ({ ok: false, problem });
