/** What the benchmark asks of its workers, one JSON line each way. */

/** The product that the peers' matrix products are of, in the artifact's folder. */
export const gemmFile = "gemm.onnx";

export type Request =
  | {
      readonly do: "setup";
      readonly model: string;
      /** Side of the images. */
      readonly size: number;
      readonly batch: number;
      readonly classes: number;
      /** PyTorch's fused AdamW. */
      readonly fused: boolean;
      readonly threads: number;
      /** The compiled program's folder. */
      readonly artifact: string;
      readonly gemmSize: number;
    }
  | { readonly do: "steps"; readonly count: number }
  | { readonly do: "gemm"; readonly size: number; readonly count: number }
  | { readonly do: "peak" };

/** Repetitions of one piece of work. */
export interface Timing {
  /** Wall time of each. */
  readonly ms: readonly number[];
  /** Processor time of all threads, per repetition: what other programs cannot take away. */
  readonly cpuMs: number;
}

export type Answer =
  /** Resident memory with all libraries in it, before graphs and state of the step. */
  | { readonly idleBytes: number }
  | { readonly version: string }
  | Timing
  /** Largest resident memory so far. */
  | { readonly bytes: number };
