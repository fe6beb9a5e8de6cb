/** Describes a graph's inputs and outputs for the runtime. */

import { invariant } from "../../grammar/invariant.js";
import { printSpan } from "../../grammar/source.js";
import { costOf } from "../ir/cost.js";
import { estimateMemory } from "../ir/memory.js";
import type { Dim } from "../ir/dim.js";
import { printDim } from "../ir/dim.js";
import type { Graph, NamedValue, Node } from "../ir/graph.js";
import { normName } from "./naming.js";
import type { GraphInput, GraphOutput, GraphSpec } from "../plan/schema.js";

/** What the names of inputs mean beyond their prefixes. */
export interface SpecContext {
  /** Random inputs by graph name. */
  readonly draws: ReadonlyMap<string, { readonly id: string; readonly perRecord: boolean }>;
  /** Sizes of symbols, for estimates. */
  readonly bindings: ReadonlyMap<string, Dim>;
  /** Where values come from, by output, in a graph that shows all. */
  readonly origins?: ReadonlyMap<string, Node>;
}

export function graphSpec(graph: Graph, file: string, context: SpecContext): GraphSpec {
  const cost = costOf(graph, context.bindings);
  return {
    file,
    inputs: graph.inputs.map((input) => ({ ...typed(input), feed: feedOf(input.name, context) })),
    outputs: graph.outputs.map((output) => ({
      ...typed(output),
      meaning: meaningOf(output.name, context),
    })),
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
  const soFar = after(name, "so_far");
  if (soFar !== null) return { kind: "so_far", output: soFar };
  const divisor = after(name, "divisor");
  if (divisor !== null) return { kind: "divisor", atom: divisor };
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

function meaningOf(name: string, { origins }: SpecContext): GraphOutput["meaning"] {
  const origin = origins?.get(name);
  if (origin !== undefined) {
    const { op, scope, span } = origin;
    return { kind: "value", op, scope, place: span === null ? "" : printSpan(span) };
  }
  if (name === normName) return { kind: "norm" };
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
  if (after(name, "scalar") !== null) return { kind: "scalar" };
  const result = after(name, "result");
  if (result !== null) return { kind: "result", result };
  return after(name, "metric") === null ? { kind: "output" } : { kind: "metric_input" };
}
