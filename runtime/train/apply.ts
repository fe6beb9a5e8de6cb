/** What brings the state up to date from an update's gradients: the graph `apply`, or kernels. */

import type { GraphSpec, KernelTensor, Stage } from "../../compiler/plan/schema.js";
import { type Diagnostic, diagnose } from "../../grammar/diagnostic.js";
import { kernelsUnavailable } from "../../grammar/diagnostics/run.js";
import { invariant } from "../../grammar/invariant.js";
import type { Executor, Graph, Tensors } from "../executor/executor.js";
import { type KernelMemory, KernelsUnavailable, type LoadedKernels } from "../executor/kernels.js";
import { numbersOf } from "../metrics/numbers.js";
import type { HostTensor } from "../tensor.js";
import type { Feeder } from "./feeds.js";
import { alternating, byMeaning, normOf, noTensors } from "./places.js";
import type { StepResult } from "./step.js";

/** What `grad` has given, for all batches of the update. */
export interface Gradients {
  readonly spec: GraphSpec;
  readonly outputs: Tensors;
}

export interface Applier {
  /** The state as the graphs of the next update are to read it. */
  readonly admit: (state: Tensors) => Tensors;
  /** Where gradients must lie, by the names of outputs of `grad`; others may lie anywhere. */
  readonly gradientPlaces: Tensors;
  /** State that `grad` itself replaces (batch statistics) is what the update reads. */
  readonly apply: (
    update: number,
    state: Tensors,
    gradients: Gradients,
  ) => Promise<Omit<StepResult, "atoms">>;
  readonly close: () => Promise<void>;
}

export interface ApplierOptions {
  readonly folder: string;
  readonly executor: Executor;
  readonly feeder: Feeder;
  /** Where kernels keep state and gradients; without one a stage has its own. */
  readonly memory?: KernelMemory | null;
  /** Told why kernels that the plan has are not used. */
  readonly warn?: (diagnostic: Diagnostic) => void;
}

/** The update of what the graph gives, from memory to other memory. */
function applierOn(graph: Graph, feeder: Feeder) {
  const places = alternating();
  return async (
    update: number,
    state: Tensors,
    { spec, outputs: gradients }: Gradients,
  ): Promise<{ readonly outputs: Tensors; readonly result: Omit<StepResult, "atoms"> }> => {
    const moved = byMeaning(spec, gradients, "state");
    const feeds = feeder(graph.spec, {
      update,
      batch: null,
      state: new Map([...state, ...moved]),
      gradients: byMeaning(spec, gradients, "gradient"),
      firstRecord: 0,
    });
    const outputs = places.keep(await graph.run(feeds, places.spare()));
    const newState = new Map([...moved, ...byMeaning(graph.spec, outputs, "state")]);
    return { outputs, result: { newState, ...normOf(graph.spec, outputs) } };
  };
}

export async function graphApplier(
  stage: Stage,
  { folder, executor, feeder }: ApplierOptions,
): Promise<Applier> {
  const graph = await executor.load(folder, stage.graphs.apply);
  const apply = applierOn(graph, feeder);
  return {
    admit: (state) => state,
    gradientPlaces: noTensors,
    apply: async (update, state, gradients) => (await apply(update, state, gradients)).result,
    close: graph.close,
  };
}

/**
 * Graphs read and write the very places that the kernels update, so nothing is copied. `null` where
 * the plan or the executor has no kernels, or they are not available, which is told.
 */
export async function kernelApplier(
  stage: Stage,
  { folder, executor, feeder, memory: given, warn }: ApplierOptions,
): Promise<Applier | null> {
  const { kernels: host } = executor;
  const { kernels } = stage;
  if (kernels === undefined || host === null) return null;
  const tensors = tensorsOf(stage, kernels.calls);
  const memory = given ?? host.createMemory();
  let loaded: LoadedKernels;
  try {
    memory.reserve(tensors);
    loaded = await host.load(folder, kernels, memory);
  } catch (error) {
    if (!(error instanceof KernelsUnavailable)) throw error;
    const params = { stage: stage.name, detail: error.message };
    warn?.(diagnose(kernelsUnavailable, params, null));
    return null;
  }
  const rest = kernels.rest === null ? null : await executor.load(folder, kernels.rest);
  const applyRest = rest === null ? null : applierOn(rest, feeder);
  const placed = (kind: KernelTensor["kind"]): Map<string, HostTensor> =>
    new Map(
      tensors
        .filter((tensor) => tensor.kind === kind)
        .map((tensor) => [tensor.path, memory.placeOf(tensor)]),
    );
  const [resident, gradients] = [placed("state"), placed("gradient")];
  return {
    admit: (state) => {
      for (const [path, place] of resident) {
        const tensor = state.get(path);
        if (tensor !== undefined) placeIn(place, tensor);
      }
      return new Map([...state, ...resident]);
    },
    gradientPlaces: new Map(
      stage.graphs.grad.outputs.flatMap(({ name, meaning }) => {
        const place = meaning.kind === "gradient" ? gradients.get(meaning.path) : undefined;
        return place === undefined ? [] : [[name, place] as const];
      }),
    ),
    apply: async (update, state, given) => {
      const others = await applyRest?.(update, state, given);
      const numbers = loaded.numbers.map((name) => {
        const tensor = others?.outputs.get(name);
        invariant(tensor, `the rest gives \`${name}\``);
        return numbersOf(tensor)(0);
      });
      const changedInPlace = await loaded.run(numbers);
      const moved = others?.result.newState ?? byMeaning(given.spec, given.outputs, "state");
      return { ...others?.result, newState: new Map([...moved, ...resident]), changedInPlace };
    },
    close: async () => {
      await rest?.close();
      await loaded.close();
    },
  };
}

type Calls = NonNullable<Stage["kernels"]>["calls"];

/** All tensors of the kernels with their shapes. */
export function tensorsOf({ graphs }: Stage, calls: Calls) {
  const shapes = new Map<string, readonly number[]>();
  const keyOf = ({ kind, path }: KernelTensor): string => `${kind}:${path}`;
  const note = (tensor: KernelTensor, shape: readonly (number | string)[]): void => {
    if (shape.every((extent) => typeof extent === "number")) shapes.set(keyOf(tensor), shape);
  };
  for (const { feed, shape } of graphs.apply.inputs)
    if (feed.kind === "state" || feed.kind === "gradient")
      note({ kind: feed.kind, path: feed.path }, shape);
  for (const { meaning, shape } of graphs.apply.outputs)
    if (meaning.kind === "state") note({ kind: "state", path: meaning.path }, shape);
  return calls.flatMap(({ tensors }) =>
    tensors.map((tensor) => {
      const shape = shapes.get(keyOf(tensor));
      invariant(shape, `\`apply\` has \`${keyOf(tensor)}\``);
      return { ...tensor, shape };
    }),
  );
}

/** Copies a tensor to a place of its size, unless it is there. */
export function placeIn(place: HostTensor, tensor: HostTensor): HostTensor {
  if (tensor === place) return place;
  const [{ data }, { data: into }] = [tensor, place];
  invariant(
    data instanceof Float32Array && into instanceof Float32Array && data.length === into.length,
    "kernels update tensors of f32",
  );
  into.set(data);
  return place;
}
