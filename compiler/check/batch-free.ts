/** Whether a value of a graph depends on the records of a batch. */

import type { Value } from "../ir/graph.js";
import type { Elaboration } from "./frame.js";

/**
 * Weights, states, schedules and numbers are free of the batch; fields, the mask of padding and
 * random numbers drawn per record are not. Draws without a record axis are made once per update.
 */
export function dependsOnBatch({ builder, draws }: Elaboration, value: Value): boolean {
  const perRecord = new Set(draws.flatMap((draw) => (draw.perRecord ? [draw.value.id] : [])));
  const fromBatch = new Set(
    builder.inputs.flatMap(({ name, value: input }) =>
      name.startsWith("field:") || name === "valid" || perRecord.has(input.id) ? [input.id] : [],
    ),
  );
  return inputsOf(builder.nodes, value).some((id) => fromBatch.has(id));
}

/** Ids of everything the value is computed from, itself included. */
export function inputsOf(nodes: Elaboration["builder"]["nodes"], value: Value): readonly number[] {
  const needed = new Set([value.id]);
  for (const node of nodes.toReversed())
    if (node.outputs.some(({ id }) => needed.has(id)))
      for (const input of node.inputs) needed.add(input.id);
  return [...needed];
}
