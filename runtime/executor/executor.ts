/** What the training loop asks of whatever runs graphs: load one, run it on named tensors, let go. */

import type { GraphSpec } from "../../compiler/plan/schema.js";
import type { HostTensor } from "../tensor.js";

export type Tensors = ReadonlyMap<string, HostTensor>;

export type Device = "cpu" | "cuda";

/** A graph that is ready to run. */
export interface Graph {
  readonly spec: GraphSpec;
  /**
   * Feeds every input by name and returns every output by name. The feeds are not changed and not
   * kept; the outputs belong to the caller.
   */
  readonly run: (feeds: Tensors) => Promise<Tensors>;
  readonly close: () => Promise<void>;
}

/** Executors differ in how tensors get in and out, never in the mathematics. */
export interface Executor {
  /** `session`, for messages and `env.json`. */
  readonly name: string;
  readonly device: Device;
  /** Loads the graph of `spec` from the artifact's folder; faults when it does not fit the plan. */
  readonly load: (folder: string, spec: GraphSpec) => Promise<Graph>;
  readonly close: () => Promise<void>;
}

export interface ExecutorOptions {
  readonly device: Device;
  /** Threads of one operator. */
  readonly threads: number;
}
