/** Results of more than one number, as lists within lists. */

import { z } from "zod";
import type { HostTensor } from "../tensor.js";
import { numbersOf } from "./numbers.js";

/** A tensor's elements by its axes; `null` where one is not a finite number. */
export type Table = number | null | readonly Table[];

/** A table in a file. */
export const table: z.ZodType<Table> = z.lazy(() =>
  z.union([z.number(), z.null(), z.array(table)]),
);

/** The elements of `tensor`, nested as its shape says. */
export function tableOf(tensor: HostTensor): Table {
  const value = numbersOf(tensor);
  return nested(tensor.shape, 0);

  function nested([extent, ...rest]: readonly number[], from: number): Table {
    if (extent === undefined) {
      const number = value(from);
      return Number.isFinite(number) ? number : null;
    }
    const size = rest.reduce((product, each) => product * each, 1);
    return Array.from({ length: extent }, (_, i) => nested(rest, from + i * size));
  }
}
