/** Writes trained models: inference graphs with weights inside, plain ONNX. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { drawInside } from "../compiler/onnx/draw-inside.js";
import { embedWeights, valueNames, type Weight } from "../compiler/onnx/embed.js";
import { narrowWeights } from "../compiler/onnx/narrow-weights.js";
import type { Exported, GraphSpec, Plan } from "../compiler/plan/schema.js";
import { diagnose } from "../grammar/diagnostic.js";
import { weightBeyond } from "../grammar/diagnostics/use.js";
import { invariant } from "../grammar/invariant.js";
import { readSafetensors } from "../runtime/checkpoint/safetensors.js";
import { exitCodes, Fault } from "../runtime/fault.js";
import type { HostTensor } from "../runtime/tensor.js";
import { readFits } from "../runtime/use/stored-fits.js";

/** A graph of a run that becomes a file of its own. */
export interface Model {
  readonly spec: GraphSpec;
  readonly precision: Exported["precision"];
}

/** Where graphs and weights come from. */
export interface ModelSources {
  readonly plan: Plan;
  /** The bytes of a graph by its file in the artifact. */
  readonly graph: (file: string) => Uint8Array;
  readonly runDir: string;
  /** The safetensors file. */
  readonly weights: string;
}

/** A model's graph and weights from the files of a run. */
export const runSources = (
  artifact: { readonly folder: string; readonly plan: Plan },
  run: { readonly runDir: string; readonly weights: string },
): ModelSources => ({
  plan: artifact.plan,
  graph: (file) => new Uint8Array(readFileSync(join(artifact.folder, file))),
  ...run,
});

/**
 * The bytes of a model: weights and what the data were fitted to as initializers, fields as inputs
 * by their names, draws of its own. Faults with exit code 2 where a weight exceeds the precision.
 */
export function modelBytes(
  sources: ModelSources,
  { spec, precision }: Model,
  file: string,
): Uint8Array {
  const graph = sources.graph(spec.file);
  const weights = weightsFor(sources, spec);
  const keys = new Map(sources.plan.state.map((entry) => [entry.path, entry]));
  const renames = new Map(
    [...weights.keys()].map((path) => [path, keys.get(path)?.key ?? path] as const),
  );
  const taken = new Set([...valueNames(graph), ...renames.values()]);
  for (const { name, feed } of spec.inputs)
    // An output may have the field's name, as a denoised picture has.
    if (feed.kind === "field" && !taken.has(feed.field)) renames.set(name, feed.field);
  const draws = spec.inputs.flatMap(({ name, feed }) => (feed.kind === "random" ? [name] : []));
  const whole = embedWeights(drawInside(graph, draws), weights, renames);
  if (precision === "f32") return whole;
  const narrow = [...weights].flatMap(([path, { dtype }]) =>
    keys.get(path)?.role === "parameter" && dtype === "f32" ? [renames.get(path) ?? path] : [],
  );
  const { model, beyond } = narrowWeights(whole, new Set(narrow), precision);
  if (beyond === null) return model;
  throw new Fault(
    diagnose(weightBeyond, { file, weight: beyond, dtype: precision }, null),
    exitCodes.environment,
  );
}

function weightsFor(
  { plan, runDir, weights: file }: ModelSources,
  spec: GraphSpec,
): ReadonlyMap<string, Weight> {
  const { tensors } = readSafetensors(file);
  const keys = new Map(plan.state.map(({ path, key }) => [path, key]));
  const paths = spec.inputs.flatMap(({ feed }) => (feed.kind === "state" ? [feed.path] : []));
  // What only a model's own preprocessing reads is in no checkpoint.
  const fits = paths.every((path) => keys.has(path)) ? null : readFits(runDir);
  return new Map(
    paths.map((path) => {
      const key = keys.get(path);
      const tensor = key === undefined ? fits?.get(path) : tensors.get(key);
      invariant(tensor !== undefined, `the run has no ${path}`);
      return [path, weightOf(tensor)] as const;
    }),
  );
}

const weightOf = ({ dtype, shape, data }: HostTensor): Weight => ({
  dtype,
  shape,
  data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
});
