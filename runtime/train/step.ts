/** One update: the fused `step` graph, or `grad` and then `apply` or kernels. */

import type { Stage } from "../../compiler/plan/schema.js";
import type { Batch } from "../data/dataset.js";
import type { Tensors } from "../executor/executor.js";
import { type Applier, type ApplierOptions, graphApplier, kernelApplier } from "./apply.js";
import { type AtomSums, atomsOf } from "./losses.js";
import type { UpdateGraphs } from "../run-options.js";
import { alternating, byMeaning, normOf, noTensors } from "./places.js";

export interface StepResult {
  readonly atoms: AtomSums;
  /** Only what the update replaces, by path. */
  readonly newState: Tensors;
  /** Of all gradients before they were clipped, where the stage clips by it. */
  readonly norm?: number;
  /** Parameters that were updated in place, so that the old is gone, and that changed. */
  readonly changedInPlace?: ReadonlySet<string>;
}

export interface Stepper {
  /**
   * Reads the state and leaves it as it is, but for what kernels update: that is copied to a place
   * of its own when it is first seen, and then stays there. What else is returned lies in memory that
   * the step after the next writes into again: it moves between two places and is never copied.
   */
  readonly step: (update: number, batch: Batch, state: Tensors) => Promise<StepResult>;
  readonly close: () => Promise<void>;
}

export interface StepperOptions extends ApplierOptions {
  readonly graphs: UpdateGraphs;
}

/** Loads the stage's training graphs. */
export async function createStepper(stage: Stage, options: StepperOptions): Promise<Stepper> {
  const applier = await applierOf(stage, options);
  return applier === null ? fusedStepper(stage, options) : splitStepper(stage, options, applier);
}

/** `null` where the graph `step` makes the updates. */
export async function applierOf(stage: Stage, options: StepperOptions): Promise<Applier | null> {
  switch (options.graphs) {
    case "fused":
      return null;
    case "split":
      return graphApplier(stage, options);
    case "kernels":
      return kernelApplier(stage, options);
  }
}

async function fusedStepper(stage: Stage, options: StepperOptions): Promise<Stepper> {
  const { folder, executor, feeder } = options;
  const graph = await executor.load(folder, stage.graphs.step);
  const places = alternating();
  return {
    step: async (update, batch, state) => {
      const sources = { update, batch, state, gradients: noTensors, firstRecord: 0 };
      const outputs = places.keep(await graph.run(feeder(graph.spec, sources), places.spare()));
      return {
        atoms: atomsOf(graph.spec, outputs),
        newState: byMeaning(graph.spec, outputs, "state"),
        ...normOf(graph.spec, outputs),
      };
    },
    close: graph.close,
  };
}

async function splitStepper(
  stage: Stage,
  { folder, executor, feeder }: StepperOptions,
  applier: Applier,
): Promise<Stepper> {
  const grad = await executor.load(folder, stage.graphs.grad);
  const places = alternating();
  const gradients = grad.spec.outputs.filter(({ meaning }) => meaning.kind === "gradient");
  return {
    step: async (update, batch, given) => {
      const state = applier.admit(given);
      const sources = { update, batch, state, gradients: noTensors, firstRecord: 0 };
      // Gradients are done with at the end of their own step.
      const free = places.spare(gradients.map(({ name }) => name));
      const spare = new Map([...free, ...applier.gradientPlaces]);
      const outputs = places.keep(await grad.run(feeder(grad.spec, sources), spare));
      const applied = await applier.apply(update, state, { spec: grad.spec, outputs });
      return { atoms: atomsOf(grad.spec, outputs), ...applied };
    },
    close: async () => {
      await grad.close();
      await applier.close();
    },
  };
}
