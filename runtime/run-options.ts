/** What a run is started with; plain data that crosses threads and processes. */

import type { Device, ExecutorName } from "./executor/executor.js";

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
  /** `fused` makes an update with the graph `step`, `split` with `grad` and then `apply`. */
  readonly graphs: "fused" | "split";
  /** Starts even when the predicted memory is not available. */
  readonly ignoreMemory: boolean;
}
