/** Random choices from a seed, for generated programs. */

import { at } from "../grammar/invariant.js";

export interface Dice {
  /** An integer from 0 to below `bound`. */
  readonly below: (bound: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <T>(items: readonly T[]) => T;
  /** One of the items, each as often as its number says. */
  readonly weighted: <T>(items: readonly (readonly [number, T])[]) => T;
  readonly shuffled: <T>(items: readonly T[]) => readonly T[];
  /** A standard normal number, by Box and Muller (1958). */
  readonly normal: () => number;
}

/** The generator mulberry32: 32 bits of state. */
export function createDice(seed: number): Dice {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number): number => Math.floor(uniform() * bound);
  return {
    below,
    chance: (probability) => uniform() < probability,
    pick: (items) => at(items, below(items.length)),
    weighted(items) {
      let left = uniform() * items.reduce((sum, [weight]) => sum + weight, 0);
      const found = items.find(([weight]) => (left -= weight) < 0);
      return (found ?? at(items, -1))[1];
    },
    shuffled: (items) =>
      items
        .map((item) => ({ item, key: uniform() }))
        .toSorted((a, b) => a.key - b.key)
        .map(({ item }) => item),
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}
