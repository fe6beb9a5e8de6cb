/** Runs asynchronous work over a list, a few items at a time, with results and failures in order. */

/** Results in the order of `items`; of several failures the first in that order is thrown. */
export async function mapInOrder<T, R>(
  items: readonly T[],
  parallel: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += parallel) {
    const settled = await Promise.allSettled(items.slice(start, start + parallel).map(work));
    for (const outcome of settled) {
      if (outcome.status === "rejected") throw outcome.reason;
      results.push(outcome.value);
    }
  }
  return results;
}
