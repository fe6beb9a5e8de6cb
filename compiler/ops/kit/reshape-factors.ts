/** The sharding of a reshape: which axes keep their place. */

import { at } from "../../../grammar/invariant.js";
import { type Dim, multiplyDims, sameDim } from "../../ir/dim.js";
import { type FactorRole, type ShardingRule, shardingRule } from "./sharding.js";

/**
 * Axes whose extent and outer count are the same on both sides are one factor and may be cut; all
 * others are merged or split and must be whole.
 */
export function reshaping(from: readonly Dim[], to: readonly Dim[]): ShardingRule {
  const operand = from.map((_, axis) => `x${axis}`);
  const result = to.map((_, axis) => `y${axis}`);
  const [outerFrom, outerTo] = [outerCounts(from), outerCounts(to)];
  const kept = new Set<string>();
  for (const [i, dim] of from.entries())
    for (const [j, other] of to.entries())
      if (dim !== 1 && sameDim(dim, other) && sameDim(at(outerFrom, i), at(outerTo, j))) {
        result[j] = at(operand, i);
        kept.add(at(operand, i));
      }
  const names = [...operand, ...result].filter((name) => !kept.has(name));
  const roles = Object.fromEntries(names.map((name): [string, FactorRole] => [name, "replicate"]));
  return shardingRule([operand], [result], roles);
}

/** The number of elements in front of each axis. */
function outerCounts(shape: readonly Dim[]): readonly Dim[] {
  let count: Dim = 1;
  return shape.map((dim) => {
    const before = count;
    count = multiplyDims(count, dim);
    return before;
  });
}
