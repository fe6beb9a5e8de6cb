/** Losses from atoms: sums and weights add up over batches, and are divided once. */

import type { GraphSpec, LossTerm } from "../../compiler/plan/schema.js";
import { at, invariant } from "../../grammar/invariant.js";
import type { Tensors } from "../executor/executor.js";
import { numbersOf } from "../metrics/numbers.js";

/** Sum and weight by atom. */
export type AtomSums = Readonly<Record<string, readonly [sum: number, weight: number]>>;

/** The atoms a graph gave, as scalars in f64. */
export function atomsOf(spec: GraphSpec, outputs: Tensors): AtomSums {
  const sums: Record<string, [number, number]> = {};
  for (const { name, meaning } of spec.outputs) {
    if (meaning.kind !== "sum" && meaning.kind !== "weight") continue;
    const tensor = outputs.get(name);
    invariant(tensor, `the executor returned no \`${name}\``);
    const pair = (sums[meaning.atom] ??= [0, 0]);
    pair[meaning.kind === "sum" ? 0 : 1] = numbersOf(tensor)(0);
  }
  return sums;
}

export function addAtoms(total: AtomSums, more: AtomSums): AtomSums {
  const result: Record<string, readonly [number, number]> = { ...total };
  for (const [atom, [sum, weight]] of Object.entries(more)) {
    const [before, weightBefore] = total[atom] ?? [0, 0];
    result[atom] = [before + sum, weightBefore + weight];
  }
  return result;
}

/**
 * constant + sum of coefficient * (sum / max(weight, atLeast)), by loss name in order. An atom without any
 * weight (no record counted) contributes nothing. `loss` is always there: where no loss has that
 * name it is the last one, which is minimized.
 */
export function lossesOf(
  terms: readonly LossTerm[],
  sums: AtomSums,
): Readonly<Record<string, number>> {
  const named = terms.map((term) => [term.name, lossOf(term, sums)] as const);
  const losses = Object.fromEntries(named);
  return "loss" in losses ? losses : { ...losses, loss: at(named, -1)[1] };
}

function lossOf({ name, constant, terms }: LossTerm, sums: AtomSums): number {
  return terms.reduce((value, { coefficient, atom, atLeast }) => {
    const pair = sums[atom];
    invariant(pair, `the graph gave no atom \`${atom}\` of the loss \`${name}\``);
    const [sum, counted] = pair;
    const weight = Math.max(counted, atLeast ?? counted);
    return weight === 0 && sum === 0 ? value : value + coefficient * (sum / weight);
  }, constant);
}
