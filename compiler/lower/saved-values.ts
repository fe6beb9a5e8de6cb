/** Values of the forward pass that the backward pass reads, in the graphs as they are written. */

import { at, invariant } from "../../grammar/invariant.js";
import { bytesOf } from "../ir/cost.js";
import type { Graph, Node, Value } from "../ir/graph.js";
import { printType } from "../ir/type.js";
import { opNamed } from "../ops/index.js";
import { runPasses } from "../passes/pipeline.js";
import type { GraphOutput } from "../plan/schema.js";
import type { LoweredTrain } from "./train.js";

/** What the gradients of one stage need of its forward pass. */
export interface StageSaved {
  readonly stage: string;
  /** What is kept from the forward pass, in the order in which it is made. */
  readonly kept: readonly SavedValue[];
  /** What would be kept, did `recompute` not make it anew. */
  readonly recomputed: readonly (SavedValue & { readonly instance: string })[];
  /** Bytes of the graph's inputs that gradients read as well: state and the batch. */
  readonly inputBytes: number;
}

/** A value and the node that makes it. */
export interface SavedValue {
  readonly value: Value;
  readonly from: Node;
  /** At the batch of the train. */
  readonly bytes: number;
  readonly readers: readonly Reader[];
}

/** Nodes of one place that read a saved value: the gradient of what stands there. */
export interface Reader {
  readonly instance: string;
  readonly span: Node["span"];
  /** Parameters whose gradients come out at this place. */
  readonly parameters: readonly string[];
}

/**
 * Per stage, every value that a node of the forward pass makes and a node of the backward pass reads.
 * The forward pass is what losses and new states are computed from; all else serves gradients alone.
 * Constants of the file are left out. A value in another shape counts by itself, as it does in
 * `estimateMemory`.
 */
export function savedValues({ plan, graphs, unrecomputed }: LoweredTrain): readonly StageSaved[] {
  return plan.stages.map(({ name, graphs: { grad } }) => {
    const graph = graphs.get(grad.file);
    invariant(graph !== undefined, `no graph ${grad.file}`);
    const { values: kept, inputBytes } = savedIn(graph, grad.outputs);
    const without = unrecomputed.get(grad.file);
    const recomputed =
      without === undefined
        ? []
        : missingFrom(kept, savedIn(without.graph, grad.outputs).values).flatMap((saved) => {
            const { scope } = saved.from;
            const instance = without.paths.find((path) => `${scope}.`.startsWith(`${path}.`));
            return instance === undefined ? [] : [{ ...saved, instance }];
          });
    return { stage: name, kept, recomputed, inputBytes };
  });
}

function savedIn(
  unoptimized: Graph,
  outputs: readonly GraphOutput[],
): { readonly values: readonly SavedValue[]; readonly inputBytes: number } {
  const graph = runPasses(unoptimized);
  const forward = ancestorsOf(
    graph,
    graph.outputs.filter((_, i) => at(outputs, i).meaning.kind !== "gradient"),
  );
  const fed = dependents(graph);
  const reached = gradientsAt(graph, outputs);
  const readers = new Map<number, Node[]>();
  for (const node of graph.nodes)
    if (!forward.has(node))
      for (const { id } of new Set(node.inputs))
        readers.set(id, [...(readers.get(id) ?? []), node]);
  const values = graph.nodes
    .filter((node) => forward.has(node))
    .flatMap((from) =>
      from.outputs.flatMap((value) => {
        const reading = readers.get(value.id);
        return reading === undefined || !fed.has(value.id)
          ? []
          : [{ value, from, bytes: bytesOf(value.type), readers: byPlace(reading, reached) }];
      }),
    );
  const inputs = graph.inputs.filter(({ value }) => readers.has(value.id));
  return { values, inputBytes: inputs.reduce((sum, { value }) => sum + bytesOf(value.type), 0) };
}

/** The nodes that some of these values are computed by. */
function ancestorsOf(graph: Graph, roots: Graph["outputs"]): ReadonlySet<Node> {
  const wanted = new Set(roots.map(({ value }) => value.id));
  const found = new Set<Node>();
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some(({ id }) => wanted.has(id))) continue;
    found.add(node);
    for (const { id } of node.inputs) wanted.add(id);
  }
  return found;
}

/** The values that depend on an input of the graph. */
function dependents({ inputs, nodes }: Graph): ReadonlySet<number> {
  const found = new Set(inputs.map(({ value }) => value.id));
  for (const node of nodes)
    if (node.inputs.some(({ id }) => found.has(id)))
      for (const { id } of node.outputs) found.add(id);
  return found;
}

/** Nodes of one place in the program's text and one instance have one. */
const placeOf = ({ scope, span }: Node): string =>
  `${scope} ${span === null ? "" : `${span.source.name} ${span.start}-${span.end}`}`;

/**
 * Per value, the parameters whose gradients it becomes at the place it is made at, but for changes of
 * layout elsewhere in the instance: a linear layer has the gradient of its weight transposed.
 */
function gradientsAt(
  graph: Graph,
  outputs: readonly GraphOutput[],
): ReadonlyMap<number, readonly string[]> {
  const reached = new Map<number, Set<string>>();
  const add = (id: number, paths: Iterable<string>): void => {
    reached.set(id, new Set([...(reached.get(id) ?? []), ...paths]));
  };
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map(({ id }) => [id, node])));
  graph.outputs.forEach(({ value }, i) => {
    const { meaning } = at(outputs, i);
    if (meaning.kind === "gradient") add(value.id, [meaning.path]);
  });
  for (const node of graph.nodes.toReversed()) {
    const paths = node.outputs.flatMap(({ id }) => [...(reached.get(id) ?? [])]);
    for (const { id } of paths.length === 0 ? [] : node.inputs) {
      const maker = makers.get(id);
      const arranges = opNamed(node.op).traits?.includes("layout") === true;
      const isNear = (by: Node): boolean =>
        placeOf(by) === placeOf(node) || (arranges && by.scope === node.scope);
      if (maker !== undefined && isNear(maker)) add(id, paths);
    }
  }
  return new Map([...reached].map(([id, paths]) => [id, [...paths]]));
}

/** The readers of a value, those of one place together. */
function byPlace(
  nodes: readonly Node[],
  reached: ReadonlyMap<number, readonly string[]>,
): readonly Reader[] {
  const groups = new Map<string, Node[]>();
  for (const node of nodes) groups.set(placeOf(node), [...(groups.get(placeOf(node)) ?? []), node]);
  return [...groups.values()].map((group) => {
    const { scope, span } = at(group, 0);
    const made = group.flatMap(({ outputs }) => outputs.flatMap(({ id }) => reached.get(id) ?? []));
    return { instance: scope, span, parameters: [...new Set(made)] };
  });
}

/** Those of `all` of which there are more alike than in `found`: of one place, op and type. */
function missingFrom(
  found: readonly SavedValue[],
  all: readonly SavedValue[],
): readonly SavedValue[] {
  const keyOf = ({ from, value }: SavedValue): string =>
    `${placeOf(from)} ${from.op} ${printType(value.type)}`;
  const left = new Map<string, number>();
  for (const saved of found) left.set(keyOf(saved), (left.get(keyOf(saved)) ?? 0) + 1);
  return all.filter((saved) => {
    const count = left.get(keyOf(saved)) ?? 0;
    left.set(keyOf(saved), count - 1);
    return count <= 0;
  });
}
