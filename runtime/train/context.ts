/** What the training loop and its parts work with. */

import type { Plan } from "../../compiler/plan/schema.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { Progress } from "../checkpoint/progress.js";
import type { Dataset } from "../data/dataset.js";
import type { RunEventBody } from "../events.js";
import type { Executor, Tensors } from "../executor/executor.js";
import type { KernelMemory } from "../executor/kernels.js";
import type { UpdateGraphs } from "../run-options.js";
import type { Schedules, Timeline } from "../schedule.js";
import type { HostTensor } from "../tensor.js";
import type { Feeder } from "./feeds.js";
import type { TraceContext } from "./trace.js";

export interface LoopContext {
  readonly plan: Plan;
  /** The artifact's folder. */
  readonly folder: string;
  readonly dataset: Dataset;
  readonly executor: Executor;
  readonly feeder: Feeder;
  readonly timeline: Timeline;
  readonly schedules: Schedules;
  readonly graphs: UpdateGraphs;
  /** One for all stages: what they have in common stays where it is. */
  readonly memory: KernelMemory | null;
  /** Replaced tensor by tensor as updates are made. */
  readonly state: Map<string, HostTensor>;
  /** Updates that were skipped, by stage; counted as they are. */
  readonly skipped: number[];
  readonly emit: (event: RunEventBody) => void;
  /** The folder that a checkpoint after this update will get. */
  readonly checkpointName: (update: number) => string;
  /** Writes a checkpoint of the state and this progress. */
  readonly save: (name: string, progress: Progress) => void;
  /** The weights of an earlier checkpoint, with their averages where there are some. */
  readonly weightsOf: (folder: string) => Tensors;
  /** Where what a trace finds is written. */
  readonly dump: TraceContext["dump"];
  /** Asked before every update. */
  readonly shouldStop: () => boolean;
  /** Told after an update and all that follows from it. */
  readonly afterUpdate: (update: number) => void;
}

export function warn(
  { emit }: LoopContext,
  update: number,
  { code, message, hint }: Diagnostic,
): void {
  emit({ type: "warning", code, message, hint, update });
}
