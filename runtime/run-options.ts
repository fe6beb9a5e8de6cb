/** What a run is started with; plain data that crosses threads and processes. */

import type { Device, ExecutorName } from "./executor/executor.js";

/**
 * What makes an update: `fused` the graph `step`, `split` `grad` and then `apply`, `kernels` `grad` and
 * then kernels, where the plan and the executor have them, and else `step`.
 */
export type UpdateGraphs = "fused" | "split" | "kernels";

export interface RunOptions {
  /** The artifact's folder. */
  readonly artifact: string;
  /** `runs`: run directories are `<runsDir>/<train>/<id>`. */
  readonly runsDir: string;
  /** Threads of one operator; results are reproduced bit for bit on one number of threads. */
  readonly threads: number;
  readonly device: Device;
  /** `null`: the first that works here. */
  readonly executor: ExecutorName | null;
  /** A checkpoint's folder, or a safetensors file, whose weights a new run begins with. */
  readonly from: string | null;
  /** `resume` continues what is there; `fresh` moves it aside and begins anew. */
  readonly mode: "resume" | "fresh";
  readonly graphs: UpdateGraphs;
  /** Starts even when the predicted memory is not available. */
  readonly ignoreMemory: boolean;
  /** Where caches of data lie; `.saic/cache` beside `runsDir` by default. */
  readonly cacheDir?: string;
  /** Kills its own process there, as a trial of what a kill would leave. */
  readonly killAt?: KillMoment;
}

/** `step`: when the update is made and nothing that follows from it; `end`: after all of that. */
export interface KillMoment {
  readonly update: number;
  readonly moment: "step" | "end";
}
