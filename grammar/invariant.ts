/** Our own bugs: a broken invariant is never the user's fault and ends with exit code 70. */

export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

export function invariant(condition: unknown, message: string): asserts condition {
  if (condition === false || condition === null || condition === undefined)
    throw new InvariantError(message);
}

/** Ends a total `switch`: adding a variant makes this line a type error. */
export function assertNever(value: never): never {
  throw new InvariantError(`unexpected variant: ${JSON.stringify(value)}`);
}

/** Indexing that may not miss; negative indices count from the end. */
export function at<T>(items: readonly T[], index: number): T {
  const item = items[index < 0 ? items.length + index : index];
  if (item === undefined)
    throw new InvariantError(`index ${index} is outside a list of ${items.length}`);
  return item;
}
