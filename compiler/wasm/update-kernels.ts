/** The kernels of a stage's updates: their module, their calls, and the graph that runs before them. */

import type { Graph } from "../ir/graph.js";
import { graphSpec } from "../lower/graph-spec.js";
import type { GraphSpec, Plan, Stage } from "../plan/schema.js";
import { encodeModule } from "./encode.js";
import { kernelFunction } from "./kernel.js";
import { splitUpdate, type TensorRole, type UpdateNames } from "./split-update.js";

export interface KernelForms {
  /** With the kernels of its stages. */
  readonly plan: Plan;
  /** By path inside the artifact. */
  readonly modules: ReadonlyMap<string, Uint8Array>;
  readonly graphs: ReadonlyMap<string, Graph>;
}

/** Gives each stage of the plan the kernels that its optimized graph `apply` has. */
export function withKernels(plan: Plan, optimized: ReadonlyMap<string, Graph>): KernelForms {
  const modules = new Map<string, Uint8Array>();
  const graphs = new Map<string, Graph>();
  const stages = plan.stages.map((stage): Stage => {
    const { apply } = stage.graphs;
    const graph = optimized.get(apply.file);
    const split = graph === undefined ? null : splitUpdate(graph, namesOf(apply));
    if (split === null) return stage;
    const file = `${stage.name}/kernels.wasm`;
    const restFile = `${stage.name}/rest.onnx`;
    modules.set(
      file,
      encodeModule(split.kernels.map((kernel, i) => kernelFunction(kernelName(i), kernel))),
    );
    if (split.rest !== null) graphs.set(restFile, split.rest);
    const context = { draws: new Map(), bindings: new Map() };
    const calls = split.calls.map(({ kernel, tensors, length, scalars, watched }) => ({
      kernel: kernelName(kernel),
      tensors: [...tensors],
      length,
      scalars: [...scalars],
      watched,
    }));
    const rest = split.rest === null ? null : graphSpec(split.rest, restFile, context);
    return { ...stage, kernels: { file, rest, calls } };
  });
  return { plan: { ...plan, stages }, modules, graphs };
}

const kernelName = (index: number): string => `kernel${index}`;

const namesOf = ({ inputs, outputs }: GraphSpec): UpdateNames => ({
  inputs: new Map(
    inputs.flatMap(({ name, feed }): readonly [string, TensorRole][] =>
      feed.kind === "state" || feed.kind === "gradient"
        ? [[name, { kind: feed.kind, path: feed.path }]]
        : [],
    ),
  ),
  outputs: new Map(
    outputs.flatMap(({ name, meaning }): readonly [string, string][] =>
      meaning.kind === "state" ? [[name, meaning.path]] : [],
    ),
  ),
});
