/** An update of several micro-batches: gradients and state add up, and are applied once. */

import type { GraphSpec, Stage } from "../../compiler/plan/schema.js";
import { at, invariant } from "../../grammar/invariant.js";
import type { Batch } from "../data/dataset.js";
import type { Graph, Tensors } from "../executor/executor.js";
import type { FeedSources } from "./feeds.js";
import { addAtoms, type AtomSums, atomsOf } from "./losses.js";
import { alternating, byMeaning, normOf, noTensors } from "./places.js";
import { applierOf, type StepResult, type StepperOptions } from "./step.js";

/** Gives the next batch of the training split. */
export type TakeBatch = () => Promise<Batch>;

/** Like a `Stepper`, of an update that takes as many batches as it needs. */
export interface AccumulatingStepper {
  readonly step: (update: number, take: TakeBatch, state: Tensors) => Promise<StepResult>;
  readonly close: () => Promise<void>;
}

type Accumulation = NonNullable<Stage["accumulate"]>;

/** Loads the stage's training graphs. */
export async function createAccumulatingStepper(
  stage: Stage,
  { batches, weights: weightsSpec }: Accumulation,
  options: StepperOptions,
): Promise<AccumulatingStepper> {
  const { folder, executor, feeder } = options;
  const load = (spec: GraphSpec): Promise<Graph> => executor.load(folder, spec);
  const weights = await load(weightsSpec);
  const grad = await load(stage.graphs.grad);
  const applier = await applierOf(stage, options);
  const step = applier === null ? await load(stage.graphs.step) : null;
  // What earlier micro-batches came to dies with the update; its new state lives on to the next.
  const [partial, final, applied] = [alternating(), alternating(), alternating()];
  const states = new Set(
    grad.spec.outputs.flatMap(({ name, meaning }) => (meaning.kind === "state" ? [name] : [])),
  );
  const withoutStates = (tensors: Tensors): Tensors =>
    new Map([...tensors].filter(([name]) => !states.has(name)));

  const run = async (graph: Graph, sources: FeedSources, spare: Tensors): Promise<Tensors> =>
    graph.run(feeder(graph.spec, sources), spare);

  /** The batches and the weights of atoms that they have together. */
  const divide = async (update: number, take: TakeBatch, state: Tensors) => {
    const held: Batch[] = [];
    const divisors = new Map<string, number>();
    const constant = weights.spec.inputs.length === 0;
    for (let i = 0; i < (constant ? 1 : batches); i++) {
      const batch = await take();
      held.push(batch);
      const sources = { update, batch, state, gradients: noTensors, firstRecord: 0 };
      const outputs = await run(weights, sources, noTensors);
      const times = constant ? batches : 1;
      for (const [atom, [, weight]] of Object.entries(atomsOf(weights.spec, outputs)))
        divisors.set(atom, (divisors.get(atom) ?? 0) + times * weight);
    }
    return { held, divisors };
  };

  return {
    step: async (update, take, given) => {
      const state = applier?.admit(given) ?? given;
      const { held, divisors } = await divide(update, take, state);
      let atoms: AtomSums = {};
      let soFar: Tensors = noTensors;
      let firstRecord = 0;
      for (let i = 0; i < batches; i++) {
        const batch = i < held.length ? at(held, i) : await take();
        const accumulation = { divisors, soFar };
        const sources = { update, batch, state, gradients: noTensors, firstRecord, accumulation };
        firstRecord += batch.valid.length;
        if (i === batches - 1 && step !== null) {
          const outputs = applied.keep(await run(step, sources, applied.spare()));
          return {
            atoms: addAtoms(atoms, atomsOf(step.spec, outputs)),
            newState: byMeaning(step.spec, outputs, "state"),
            ...normOf(step.spec, outputs),
          };
        }
        const isLast = i === batches - 1;
        // The last one's gradients are done with when the next update begins.
        const spare = isLast
          ? new Map([
              ...withoutStates(partial.spare()),
              ...final.spare(),
              ...(applier?.gradientPlaces ?? noTensors),
            ])
          : partial.spare();
        const outputs = await run(grad, sources, spare);
        const newStates = new Map([...outputs].filter(([name]) => states.has(name)));
        if (isLast) final.keep(newStates);
        else partial.keep(outputs);
        soFar = outputs;
        atoms = addAtoms(atoms, atomsOf(grad.spec, outputs));
      }
      invariant(applier !== null, "the last micro-batch of a fused update has returned");
      return {
        atoms,
        ...(await applier.apply(update, state, { spec: grad.spec, outputs: soFar })),
      };
    },
    close: async () => {
      await weights.close();
      await grad.close();
      await step?.close();
      await applier?.close();
    },
  };
}
