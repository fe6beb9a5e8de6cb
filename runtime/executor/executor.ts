/** What the training loop asks of whatever runs graphs: load one, run it on named tensors, let go. */

import type { GraphSpec } from "../../compiler/plan/schema.js";
import type { HostTensor } from "../tensor.js";
import type { KernelHost } from "./kernels.js";

export type Tensors = ReadonlyMap<string, HostTensor>;

export const deviceNames = ["cpu", "cuda", "webgpu"] as const;
export type Device = (typeof deviceNames)[number];

/** In the order in which they are tried. */
export const executorNames = ["bound", "session"] as const;
export type ExecutorName = (typeof executorNames)[number];

/** A graph that is ready to run. */
export interface Graph {
  readonly spec: GraphSpec;
  /**
   * Feeds every input by name and returns every output by name. The feeds are not changed, and the
   * outputs belong to the caller. `spare` holds earlier outputs by name that the caller gives up:
   * an executor may write the new ones into their memory. One run at a time.
   */
  readonly run: (feeds: Tensors, spare?: Tensors) => Promise<Tensors>;
  readonly close: () => Promise<void>;
}

/** Executors differ in how tensors get in and out, never in the mathematics. */
export interface Executor {
  /** For messages, events and `env.json`. */
  readonly name: ExecutorName;
  readonly device: Device;
  /** Loads the graph of `spec` from the artifact's folder; faults when it does not fit the plan. */
  readonly load: (folder: string, spec: GraphSpec) => Promise<Graph>;
  /** `null` where updates are made by graphs alone. */
  readonly kernels: KernelHost | null;
  readonly close: () => Promise<void>;
}

/** Keeps the graphs that an executor has loaded, so that those still open end with it. */
export function createOpenGraphs(): {
  readonly load: (open: (onClose: () => void) => Promise<Graph>) => Promise<Graph>;
  readonly close: () => Promise<void>;
} {
  const graphs = new Set<Graph>();
  return {
    load: async (open) => {
      const graph = await open(() => graphs.delete(graph));
      graphs.add(graph);
      return graph;
    },
    close: async () => {
      for (const graph of graphs) await graph.close();
    },
  };
}

export interface ExecutorOptions {
  readonly device: Device;
  /** Threads of one operator. */
  readonly threads: number;
}
