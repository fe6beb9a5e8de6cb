/** Whether a value of a graph depends on the records of a batch. */

import type { Value } from "../ir/graph.js";
import type { Elaboration } from "./frame.js";

/**
 * Weights, states, schedules and numbers are free of the batch; fields, the mask of padding and
 * random numbers drawn per record are not. Draws without a record axis are made once per update.
 */
export function dependsOnBatch({ builder, draws }: Elaboration, value: Value): boolean {
  const inputs = inputNames(builder);
  const isOfBatch = (id: number): boolean => {
    const name = inputs.get(id);
    if (name === undefined) return false;
    if (name.startsWith("field:") || name === "valid") return true;
    return draws.some((draw) => draw.perRecord && draw.value.id === id);
  };
  if (isOfBatch(value.id)) return true;
  const producers = producersOf(builder);
  const seen = new Set([value.id]);
  for (const id of seen)
    for (const input of producers.get(id)?.inputs ?? []) {
      if (isOfBatch(input.id)) return true;
      seen.add(input.id);
    }
  return false;
}

type Node = Elaboration["builder"]["nodes"][number];

const producersByBuilder = new WeakMap<object, { count: number; by: Map<number, Node> }>();

/** A graph under construction only gains nodes: those that are new are added to what is known. */
function producersOf(builder: Elaboration["builder"]): ReadonlyMap<number, Node> {
  const known = producersByBuilder.get(builder) ?? { count: 0, by: new Map<number, Node>() };
  producersByBuilder.set(builder, known);
  for (; known.count < builder.nodes.length; known.count++) {
    const node = builder.nodes[known.count];
    for (const { id } of node?.outputs ?? []) if (node !== undefined) known.by.set(id, node);
  }
  return known.by;
}

const namesByBuilder = new WeakMap<object, Map<number, string>>();

/** A graph under construction only gains inputs: those that are new are added to what is known. */
function inputNames(builder: Elaboration["builder"]): ReadonlyMap<number, string> {
  const known = namesByBuilder.get(builder) ?? new Map<number, string>();
  namesByBuilder.set(builder, known);
  for (const { name, value } of builder.inputs.slice(known.size)) known.set(value.id, name);
  return known;
}

/** Ids of everything the value is computed from, itself included. */
export function inputsOf(nodes: Elaboration["builder"]["nodes"], value: Value): readonly number[] {
  const needed = new Set([value.id]);
  for (const node of nodes.toReversed())
    if (node.outputs.some(({ id }) => needed.has(id)))
      for (const input of node.inputs) needed.add(input.id);
  return [...needed];
}
