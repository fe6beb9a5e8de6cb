/** Small trains on drawn pictures, and single graphs of them on numbers of a test's own. */

import { expect } from "vitest";
import { createHost } from "../../cli/host.js";
import { analyze } from "../../compiler/compile.js";
import { interpret } from "../../compiler/ir/interpret.js";
import type { LoweredTrain } from "../../compiler/lower/train.js";
import { boundShape, countOf, ndarray } from "../../compiler/ops/kit/ndarray.js";
import { at, invariant } from "../../grammar/invariant.js";
import { createSource } from "../../grammar/source.js";
import { fixedNumbers } from "../ops/sample-graph.js";

/** What the programs of these tests read. */
export const pictures = `
dataset Pictures {
  source: synthetic(shapes, count: 64, size: 6, classes: [ring, disc], seed: 1)
  field image: image() -> u8[3, 6, 6]
  split random { train: 50%  val: 50%  seed: 1 }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: 4  shuffle: true  last: drop }
}
`;

/** Lowers a program that is sound and holds nothing that cannot be carried out. */
export function lower(text: string): LoweredTrain {
  const source = createSource("tiny.pipe", text);
  const { diagnostics, uncarried, lowered } = analyze(source, createHost(), {
    overrides: [],
    train: null,
  });
  expect([...diagnostics, ...uncarried]).toEqual([]);
  invariant(lowered !== null, "the program is sound");
  return lowered;
}

export type Numbers = Readonly<Record<string, readonly number[]>>;

/** Runs a graph; what is not given is filled with fixed numbers, which are handed back too. */
export function run(
  { graphs }: LoweredTrain,
  file: string,
  given: Numbers,
): { readonly fed: Numbers; readonly results: Numbers } {
  const graph = graphs.get(file);
  invariant(graph !== undefined, `no ${file}`);
  const fed: Record<string, readonly number[]> = {};
  const inputs = graph.inputs.map(({ name, value }) => {
    const shape = boundShape(value.type.shape);
    fed[name] = given[name] ?? fixedNumbers(countOf(shape));
    return [name, ndarray(value.type.dtype, shape, numbers(fed, name))] as const;
  });
  const results = [...interpret(graph, new Map(inputs))];
  return {
    fed,
    results: Object.fromEntries(results.map(([name, { data }]) => [name, [...data]])),
  };
}

export const numbers = (from: Numbers, name: string): readonly number[] => {
  const found = from[name];
  invariant(found !== undefined, `no ${name} among ${Object.keys(from).join(", ")}`);
  return found;
};

export const number = (from: Numbers, name: string): number => at(numbers(from, name), 0);
