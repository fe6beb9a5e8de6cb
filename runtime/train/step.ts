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
  return {
    step: async (update, batch, state) => {
      const sources = { update, batch, state, gradients: noTensors, firstRecord: 0 };
      const outputs = await graph.run(feeder(graph.spec, sources));
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
  return {
    step: async (update, batch, state) => {
      const sources = { update, batch, state, gradients: noTensors, firstRecord: 0 };
      const outputs = await grad.run(feeder(grad.spec, sources));
      const moved = byMeaning(grad.spec, outputs, "state");
      const applied = await apply.run(
        feeder(apply.spec, {
          ...sources,
          state: new Map([...state, ...moved]),
          gradients: byMeaning(grad.spec, outputs, "gradient"),
        }),
      );
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
