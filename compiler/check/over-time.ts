/** Schedules as values: in a loss one becomes a scalar graph input that the runtime feeds. */

import type { Span } from "../../grammar/source.js";
import type { Frame } from "./frame.js";
import { type Meaning, type ScheduleSegment, tensorOf, unknown } from "./value.js";
import { segmentsAreSound } from "./schedules.js";

/** A schedule that a loss reads, by its name in the plan. */
export interface LossSchedule {
  readonly name: string;
  readonly segments: readonly ScheduleSegment[];
}

/** Whether the frame is that of a loss, where schedules have a value. */
export const isInLoss = ({ path }: Frame): boolean => path === "loss" || path.startsWith("loss.");

/** In a loss the value of a schedule at this update, f32[]; any other meaning as it is. */
export function valueNow(
  frame: Frame,
  meaning: Meaning,
  span: Span,
  name: string | null = null,
): Meaning {
  if (meaning.kind !== "schedule" || !isInLoss(frame)) return meaning;
  if (!segmentsAreSound(frame, meaning.segments)) return unknown;
  const { builder, ordinals, lossSchedules } = frame.elaboration;
  let own = name;
  if (own === null) {
    const ordinal = (ordinals.get(`schedule:${frame.path}`) ?? 0) + 1;
    ordinals.set(`schedule:${frame.path}`, ordinal);
    own = `#${ordinal}`;
  }
  const schedule = `${frame.path}.${own}`;
  lossSchedules.push({ name: schedule, segments: meaning.segments });
  const input = builder.within({ span, scope: frame.path }, () =>
    builder.input(`schedule:${schedule}`, { dtype: "f32", shape: [] }),
  );
  return tensorOf(input);
}
