/** Applies the transforms of a field one after the other, without memory between where it can. */

import { at } from "../../grammar/invariant.js";
import type { TensorData } from "../tensor.js";
import type { Step } from "./passes.js";
import { ofPlanes, planar, type StridedBytes } from "./strided.js";
import type { DrawPoint } from "./transforms/draw.js";
import { jitteredBytes } from "./transforms/jitter.js";
import { isMove, movedBytes } from "./transforms/moves.js";
import { normalizeBytes } from "./transforms/normalize.js";
import type { FitResult } from "./transforms/rescale.js";
import { transform } from "./transforms/transform.js";
import type { Value } from "./value.js";

export interface Application {
  readonly pointOf: (step: Step) => DrawPoint;
  readonly fits: ReadonlyMap<string, FitResult>;
  /** Where the last step may write its result, if it is of this type and length. */
  readonly into?: TensorData | undefined;
  /** Told of a step that fails, with what it threw; throws in its turn. */
  readonly onError: (error: unknown, step: Step) => never;
}

/** A value, or bytes of a picture that need not be planes before a step asks for them. */
export type Unfinished = Value | StridedBytes;

/** What the steps make of `start`, which is left as it is. */
export function applySteps(steps: readonly Step[], start: Unfinished, to: Application): Value {
  let value = start;
  for (let i = 0; i < steps.length;) {
    const step = at(steps, i);
    try {
      const made = madeOfBytes(steps.slice(i, i + 2), value, {
        ...to,
        into: i + 2 >= steps.length ? to.into : undefined,
      });
      value = made?.value ?? transform(step.op, asValue(value), to.pointOf(step), to.fits);
      i += made?.steps ?? 1;
    } catch (error) {
      to.onError(error, step);
    }
  }
  return asValue(value);
}

const asValue = (value: Unfinished): Value => ("row" in value ? planar(value) : value);

/** `null` for what is no picture of bytes. */
function asBytes(value: Unfinished): StridedBytes | null {
  if ("row" in value) return value;
  const { dtype, shape, data, marks } = value;
  return dtype === "u8" && data instanceof Uint8Array && marks === undefined && shape.length > 1
    ? ofPlanes(data, shape)
    : null;
}

/**
 * What a step makes of bytes wherever they lie, or a step and the next: moves, `normalize`, and
 * `jitter` in one table with a `normalize` that follows it. `null` where the step needs planes.
 */
function madeOfBytes(
  [step, next]: readonly Step[],
  value: Unfinished,
  { pointOf, into }: Application,
): { readonly value: Unfinished; readonly steps: number } | null {
  const x = asBytes(value);
  if (x === null || step === undefined) return null;
  if (isMove(step.op)) {
    const moved = movedBytes(step.op, x, pointOf(step));
    return moved === null ? null : { value: moved, steps: 1 };
  }
  const bytes =
    step.op.kind === "jitter" && next?.op.kind === "normalize"
      ? jitteredBytes(x, step.op, pointOf(step))
      : undefined;
  const last = bytes === undefined ? step : next;
  if (last?.op.kind !== "normalize") return null;
  const isLast = bytes !== undefined || next === undefined;
  const length = x.planes * x.height * x.width;
  const fits = isLast && into instanceof Float32Array && into.length === length;
  const out = fits ? into : new Float32Array(length);
  return { value: normalizeBytes(x, last.op, { out, bytes }), steps: bytes === undefined ? 1 : 2 };
}
