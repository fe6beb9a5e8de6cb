/** Where a random transform draws: one stream per step, one position per epoch and record. */

import { type RandomStream, uniformDouble } from "../../random.js";

export interface DrawPoint {
  readonly stream: RandomStream;
  readonly epoch: number;
  readonly record: number;
}

/** `count` numbers in [0, 1) at this point; the same each time it is asked. */
export const drawAt = (point: DrawPoint, count: number): Float64Array =>
  uniformDouble(point.stream, point.epoch, point.record, count);
