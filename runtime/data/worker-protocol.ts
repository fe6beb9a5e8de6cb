/** What the main thread and the decoding threads say to each other. */

import type { DataProgram } from "../../compiler/plan/data.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { ExitCode } from "../fault.js";
import type { AssembledBatch, BatchJob } from "./assemble-batch.js";
import type { DiskCacheSetup } from "./disk-cache.js";
import type { Fits } from "./fits.js";

/** What a thread is started with. */
export interface WorkerSetup {
  readonly program: DataProgram;
  readonly seed: number;
  readonly frameBytes: number;
  readonly fits?: Fits | undefined;
  readonly cache?: DiskCacheSetup | null;
  /** Its first element is the place in the running job of the record that is being read. */
  readonly at?: SharedArrayBuffer;
}

export type ToWorker =
  | { readonly kind: "job"; readonly id: number; readonly pass: number; readonly job: BatchJob }
  /** Memory of batches that are used, for others. */
  | { readonly kind: "release"; readonly buffers: readonly ArrayBufferLike[] }
  /** Jobs of this pass that have not begun are answered `canceled`. */
  | { readonly kind: "cancel"; readonly pass: number }
  /** Finish the running job, drop the rest and end. */
  | { readonly kind: "close" };

export type FromWorker =
  | { readonly kind: "done"; readonly id: number; readonly batch: AssembledBatch }
  | {
      readonly kind: "fault";
      readonly id: number;
      readonly diagnostic: Diagnostic;
      readonly exitCode: ExitCode;
    }
  /** Our own bug; carries what an error says. */
  | { readonly kind: "bug"; readonly id: number; readonly message: string; readonly stack: string }
  | { readonly kind: "canceled"; readonly id: number };
