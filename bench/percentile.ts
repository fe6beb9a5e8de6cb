/** Statistics of timings. */

import { at } from "../grammar/invariant.js";

/** Nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return at(sorted, Math.min(sorted.length - 1, Math.floor((share / 100) * sorted.length)));
}
