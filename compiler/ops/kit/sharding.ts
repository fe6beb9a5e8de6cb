/** Sharding rules: how each axis of an op's inputs and outputs is tied to a factor. */

import { at, invariant } from "../../../grammar/invariant.js";
import { sameDim } from "../../ir/dim.js";
import type { TensorType } from "../../ir/type.js";

/**
 * `([i, k], [k, j]) -> ([i, j])` with a role per factor. A factor that is `parallel` may be cut
 * anywhere and stays cut; `reduction` may be cut and leaves partial sums; `replicate` must be whole.
 */
export interface ShardingRule {
  /** Per input, per axis, the factor's name; `null` for an axis of size 1 that broadcasts. */
  readonly operands: readonly (readonly (string | null)[])[];
  readonly results: readonly (readonly (string | null)[])[];
  readonly factors: Readonly<Record<string, FactorRole>>;
}

export type FactorRole = "parallel" | "reduction" | "replicate";

/** Completes a rule: factors without a role are parallel. */
export function shardingRule(
  operands: ShardingRule["operands"],
  results: ShardingRule["results"],
  roles: Readonly<Record<string, FactorRole>> = {},
): ShardingRule {
  const names = [...operands, ...results].flat().filter((name) => name !== null);
  for (const name of Object.keys(roles))
    invariant(names.includes(name), `the factor ${name} has a role but no axis`);
  return {
    operands,
    results,
    factors: Object.fromEntries(names.map((name) => [name, roles[name] ?? "parallel"])),
  };
}

/**
 * Reads a rule such as `ik,kj->ij`: a letter per axis, `.` for an axis that is tied to nothing. The
 * letters of each role are given in one string; all others are parallel.
 */
export function factors(
  equation: string,
  roles: { readonly reduction?: string; readonly replicate?: string } = {},
): ShardingRule {
  const [left, right] = equation.split("->");
  invariant(left !== undefined && right !== undefined, `\`${equation}\` has no arrow`);
  return shardingRule(readAxes(left), readAxes(right), {
    ...Object.fromEntries([...(roles.reduction ?? "")].map((name) => [name, "reduction"])),
    ...Object.fromEntries([...(roles.replicate ?? "")].map((name) => [name, "replicate"])),
  });
}

/** Element by element after broadcasting: every axis of the result may be cut. */
export function elementwise(operands: readonly TensorType[], result: TensorType): ShardingRule {
  const names = axisNames(result);
  return shardingRule(
    operands.map((operand) => broadcastNames(operand, result)),
    [names],
  );
}

/** The factors of an operand that broadcasts to `result`. */
export function broadcastNames(
  operand: TensorType,
  result: TensorType,
): readonly (string | null)[] {
  const lead = result.shape.length - operand.shape.length;
  return operand.shape.map((dim, axis) =>
    sameDim(dim, at(result.shape, axis + lead)) ? `d${axis + lead}` : null,
  );
}

/** One factor per axis: `d0`, `d1`, … */
export const axisNames = (type: TensorType): readonly string[] =>
  type.shape.map((_, axis) => `d${axis}`);

/**
 * One result, and operands of the rank of `x`, whose axes correspond; those listed must be whole on
 * either side, where their extents may differ.
 */
export function alignedExcept(x: TensorType, whole: readonly number[], operands = 1): ShardingRule {
  const named = (side: string): readonly string[] =>
    axisNames(x).map((name, axis) => (whole.includes(axis) ? `${name}_${side}` : name));
  const inputs = Array.from({ length: operands }, (_, i) => named(`x${i}`));
  const result = named("y");
  const roles = whole.flatMap((axis) => [...inputs, result].map((names) => at(names, axis)));
  return shardingRule(
    inputs,
    [result],
    Object.fromEntries(roles.map((name): [string, FactorRole] => [name, "replicate"])),
  );
}

/** One result whose axes are those of `x`, place by place; those listed must be whole. */
export const sameExcept = (x: TensorType, whole: readonly number[]): ShardingRule =>
  shardingRule(
    [axisNames(x)],
    [axisNames(x)],
    Object.fromEntries(whole.map((axis): [string, FactorRole] => [`d${axis}`, "replicate"])),
  );

/** A reduction over `axes`: partial sums, or the axes whole where partial results do not add up. */
export function reducing(
  x: TensorType,
  { axes, keep }: { readonly axes: readonly number[]; readonly keep: boolean },
  role: "reduction" | "replicate",
): ShardingRule {
  const names = axisNames(x);
  const kept = names.map((name, axis) => (axes.includes(axis) ? null : name));
  return shardingRule(
    [names],
    [keep ? kept : kept.filter((name) => name !== null)],
    Object.fromEntries(axes.map((axis) => [`d${axis}`, role])),
  );
}

const readAxes = (side: string): readonly (readonly (string | null)[])[] =>
  side.split(",").map((axes) => [...axes].map((letter) => (letter === "." ? null : letter)));
