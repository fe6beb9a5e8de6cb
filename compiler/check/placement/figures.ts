/** A train as graphs and sizes, for what stands outside of it: shards, sweeps, expectations. */

import type { Graph } from "../../ir/graph.js";
import type { Plan } from "../../plan/schema.js";
import type { Stacks } from "./layouts.js";

export interface TrainFigures {
  readonly plan: Plan;
  /** By path inside the artifact. */
  readonly graphs: ReadonlyMap<string, Graph>;
  /** The instances that `each` has made. */
  readonly stacks: Stacks;
}
