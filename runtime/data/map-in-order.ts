/** Runs asynchronous work over a list, a few items at a time, with results and failures in order. */

import { at } from "../../grammar/invariant.js";

/** Results in the order of `items`; of several failures the first in that order is thrown. */
export async function mapInOrder<T, R>(
  items: readonly T[],
  parallel: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  for await (const result of inOrder(items, parallel, work)) results.push(result);
  return results;
}

/** The same, one after the other: up to `parallel` items are under way while one is waited for. */
export async function* inOrder<T, R>(
  items: readonly T[],
  parallel: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const underWay: Promise<R>[] = [];
  for (let done = 0, begun = 0; done < items.length; done++) {
    for (; begun < Math.min(items.length, done + parallel); begun++) {
      const pending = work(at(items, begun));
      // A later item may fail while an earlier one is waited for.
      pending.catch(() => {});
      underWay.push(pending);
    }
    yield await at(underWay, 0);
    underWay.shift();
  }
}
