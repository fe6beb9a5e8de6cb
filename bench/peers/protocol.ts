/** What the benchmark asks of its workers, one JSON line each way. */

import type { GraphSpec } from "../../compiler/plan/schema.js";

/** The product that the peers' matrix products are of, in the artifact's folder. */
export const gemmFile = "gemm.onnx";

/** A tensor that an op reads; one with `below` holds integers under it, all others normal numbers. */
export interface OpInput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly below?: number;
}

/** One op as PyTorch is told of it. */
export interface OpCall {
  readonly op: string;
  readonly inputs: readonly OpInput[];
  readonly attrs: Readonly<Record<string, number | readonly number[]>>;
  /** Its result, gradients of some inputs from a result that is there, or one after the other. */
  readonly pass: "forward" | "gradient" | "both";
  /** The inputs of which gradients are asked for. */
  readonly wrt: readonly string[];
}

/** Bounds of the integers among its inputs. */
export const boundsOf = ({ inputs }: OpCall): ReadonlyMap<string, number> =>
  new Map(inputs.flatMap(({ name, below }) => (below === undefined ? [] : [[name, below]])));

/** What a training step is made of; `update` leaves the gradients as they are. */
export type Part = "step" | "gradient" | "update";

export type Request =
  | {
      readonly do: "setup";
      readonly model: string;
      /** Side of the images. */
      readonly size: number;
      readonly batch: number;
      readonly classes: number;
      readonly part: Part;
      /** PyTorch's fused AdamW. */
      readonly fused: boolean;
      readonly threads: number;
      /** The compiled program's folder. */
      readonly artifact: string;
      readonly gemmSize: number;
    }
  | {
      readonly do: "op";
      readonly call: OpCall;
      /** The graph that was compiled of it. */
      readonly folder: string;
      readonly spec: GraphSpec;
      readonly threads: number;
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
