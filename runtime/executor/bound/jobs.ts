/** What is asked of the thread that runs graphs, and what it answers. */

import type { Call, Handle } from "./api.js";
import type { KernelModule, Stretch } from "./kernel-jobs.js";

export interface ThreadInput {
  /** Threads of one operator, shared by all sessions that ask for as many. */
  readonly threads: number;
}

export type Job =
  | { readonly do: "load"; readonly model: Uint8Array<ArrayBuffer>; readonly threads: number }
  | { readonly do: "run"; readonly call: Call }
  | { readonly do: "release"; readonly session: Handle }
  | {
      readonly do: "load kernels";
      readonly kernels: number;
      readonly module: KernelModule;
      /** For each thread, the first of which is the thread of graphs. */
      readonly parts: readonly (readonly Stretch[])[];
    }
  | { readonly do: "run kernels"; readonly kernels: number }
  | { readonly do: "close kernels"; readonly kernels: number };

export interface Order {
  readonly id: number;
  readonly job: Job;
}

/** The first message, without being asked, has the id 0. */
export type Answer =
  | { readonly id: number; readonly ok: true; readonly session: Handle | null }
  | { readonly id: number; readonly ok: false; readonly message: string };
