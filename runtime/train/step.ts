/** One update: the fused `step` graph, or `grad` and then `apply`. */

import type { GraphSpec, Stage } from "../../compiler/plan/schema.js";
import { invariant } from "../../grammar/invariant.js";
import type { Batch } from "../data/dataset.js";
import type { Executor, Graph, Tensors } from "../executor/executor.js";
import type { HostTensor } from "../tensor.js";
import type { Feeder } from "./feeds.js";
import { type AtomSums, atomsOf } from "./losses.js";

export interface StepResult {
  readonly atoms: AtomSums;
  /** Only what the update replaces, by path. */
  readonly newState: Tensors;
}

export interface Stepper {
  /**
   * Reads the state and leaves it as it is. What it returns lies in memory that the step after the
   * next writes into again: state moves between two places and is never copied.
   */
  readonly step: (update: number, batch: Batch, state: Tensors) => Promise<StepResult>;
  readonly close: () => Promise<void>;
}

export interface StepperOptions {
  readonly folder: string;
  readonly executor: Executor;
  readonly feeder: Feeder;
  readonly graphs: "fused" | "split";
}

/** Loads the stage's training graphs. */
export function createStepper(stage: Stage, options: StepperOptions): Promise<Stepper> {
  return options.graphs === "fused" ? fusedStepper(stage, options) : splitStepper(stage, options);
}

async function fusedStepper(stage: Stage, options: StepperOptions): Promise<Stepper> {
  const { folder, executor, feeder } = options;
  const graph = await executor.load(folder, stage.graphs.step);
  const places = alternating();
  return {
    step: async (update, batch, state) => {
      const sources = { update, batch, state, gradients: noTensors, firstRecord: 0 };
      const outputs = places.fill(await graph.run(feeder(graph.spec, sources), places.spare()));
      return {
        atoms: atomsOf(graph.spec, outputs),
        newState: byMeaning(graph.spec, outputs, "state"),
      };
    },
    close: graph.close,
  };
}

/** State that `grad` itself replaces (batch statistics) is what `apply` reads. */
async function splitStepper(stage: Stage, options: StepperOptions): Promise<Stepper> {
  const { folder, executor, feeder } = options;
  const grad = await executor.load(folder, stage.graphs.grad);
  const apply: Graph = await executor.load(folder, stage.graphs.apply);
  const [gradPlaces, applyPlaces] = [alternating(), alternating()];
  const gradients = grad.spec.outputs.filter(({ meaning }) => meaning.kind === "gradient");
  return {
    step: async (update, batch, state) => {
      const sources = { update, batch, state, gradients: noTensors, firstRecord: 0 };
      // Gradients are done with at the end of their own step.
      const spare = gradPlaces.spare(gradients.map(({ name }) => name));
      const outputs = gradPlaces.fill(await grad.run(feeder(grad.spec, sources), spare));
      const moved = byMeaning(grad.spec, outputs, "state");
      const feeds = feeder(apply.spec, {
        ...sources,
        state: new Map([...state, ...moved]),
        gradients: byMeaning(grad.spec, outputs, "gradient"),
      });
      const applied = applyPlaces.fill(await apply.run(feeds, applyPlaces.spare()));
      return {
        atoms: atomsOf(grad.spec, outputs),
        newState: new Map([...moved, ...byMeaning(apply.spec, applied, "state")]),
      };
    },
    close: async () => {
      await grad.close();
      await apply.close();
    },
  };
}

const noTensors: Tensors = new Map();

/** The outputs of a graph's last run and of the one before, whose memory the next may have. */
interface Places {
  /** With `once`, outputs that nobody reads any more: the last run's own memory serves again. */
  readonly spare: (once?: readonly string[]) => Tensors;
  readonly fill: (outputs: Tensors) => Tensors;
}

function alternating(): Places {
  let [last, before] = [noTensors, noTensors];
  return {
    spare: (once = []) => {
      const spare = new Map(before);
      for (const name of once) {
        const tensor = last.get(name);
        if (tensor !== undefined) spare.set(name, tensor);
      }
      return spare;
    },
    fill: (outputs) => {
      [last, before] = [outputs, last];
      return outputs;
    },
  };
}

function byMeaning(spec: GraphSpec, outputs: Tensors, kind: "state" | "gradient"): Tensors {
  const found = new Map<string, HostTensor>();
  for (const { name, meaning } of spec.outputs) {
    if (meaning.kind !== kind) continue;
    const tensor = outputs.get(name);
    invariant(tensor, `the executor returned no \`${name}\``);
    found.set(meaning.path, tensor);
  }
  return found;
}
