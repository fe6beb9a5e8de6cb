/** Describes a graph's inputs and outputs for the runtime. */

import { invariant } from "../../grammar/invariant.js";
import { costOf } from "../ir/cost.js";
import { estimateMemory } from "../ir/memory.js";
import type { Dim } from "../ir/dim.js";
import { printDim } from "../ir/dim.js";
import type { Graph, NamedValue } from "../ir/graph.js";
import type { GraphInput, GraphOutput, GraphSpec } from "../plan/schema.js";

/** What the names of inputs mean beyond their prefixes. */
export interface SpecContext {
  /** Random inputs by graph name. */
  readonly draws: ReadonlyMap<string, { readonly id: string; readonly perRecord: boolean }>;
  /** Sizes of symbols, for estimates. */
  readonly bindings: ReadonlyMap<string, Dim>;
}

export function graphSpec(graph: Graph, file: string, context: SpecContext): GraphSpec {
  const cost = costOf(graph, context.bindings);
  return {
    file,
    inputs: graph.inputs.map((input) => ({ ...typed(input), feed: feedOf(input.name, context) })),
    outputs: graph.outputs.map((output) => ({ ...typed(output), meaning: meaningOf(output.name) })),
    peakBytes: estimateMemory(graph, context.bindings).peakBytes,
    flops: cost.flops,
  };
}

const typed = ({ name, value }: NamedValue) => ({
  name,
  dtype: value.type.dtype,
  shape: value.type.shape.map((dim) => (typeof dim === "number" ? dim : printDim(dim))),
});

/** The part after `prefix:`, or `null`. */
const after = (name: string, prefix: string): string | null =>
  name.startsWith(`${prefix}:`) ? name.slice(prefix.length + 1) : null;

function feedOf(name: string, context: SpecContext): GraphInput["feed"] {
  const field = after(name, "field");
  if (field !== null) return { kind: "field", field };
  if (name === "valid") return { kind: "valid" };
  const gradient = after(name, "gradient");
  if (gradient !== null) return { kind: "gradient", path: gradient };
  const schedule = after(name, "schedule");
  if (schedule !== null) return { kind: "schedule", schedule };
  const count = after(name, "count");
  if (count !== null) return { kind: "count", since: Number(count) };
  if (after(name, "random") !== null) {
    const draw = context.draws.get(name);
    invariant(draw !== undefined, `no draw ${name}`);
    return { kind: "random", draw: draw.id, perRecord: draw.perRecord };
  }
  const total = after(name, "total");
  if (total !== null) return { kind: "total", accumulator: total };
  return { kind: "state", path: name };
}

function meaningOf(name: string): GraphOutput["meaning"] {
  const sum = after(name, "sum");
  if (sum !== null) return { kind: "sum", atom: sum };
  const weight = after(name, "weight");
  if (weight !== null) return { kind: "weight", atom: weight };
  const gradient = after(name, "gradient");
  if (gradient !== null) return { kind: "gradient", path: gradient };
  const next = after(name, "next");
  if (next !== null) return { kind: "state", path: next };
  const total = after(name, "total");
  if (total !== null) return { kind: "total", accumulator: total };
  const result = after(name, "result");
  if (result !== null) return { kind: "result", result };
  return after(name, "metric") === null ? { kind: "output" } : { kind: "metric_input" };
}
