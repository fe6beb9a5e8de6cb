/** Writes trained models: inference graphs with the chosen weights inside, plain ONNX. */

import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Artifact } from "../compiler/compile.js";
import { drawInside } from "../compiler/onnx/draw-inside.js";
import { embedWeights, valueNames, type Weight } from "../compiler/onnx/embed.js";
import type { GraphSpec } from "../compiler/plan/schema.js";
import { invariant } from "../grammar/invariant.js";
import { readSafetensors } from "../runtime/checkpoint/safetensors.js";
import type { RunResult } from "../runtime/run-result.js";
import { replaceFile } from "./artifact-files.js";

/** `model.onnx` in the run's directory: fields as inputs, a symbolic batch, no weights to feed. */
export function writeModel(artifact: Artifact, result: RunResult): string {
  const file = join(result.run_dir, "model.onnx");
  if (!existsSync(file)) writeWith(artifact, artifact.plan.infer, result.weights, file);
  return file;
}

/** The files of the train's exports in the run's directory, in the program's order. */
export function writeExports(artifact: Artifact, result: RunResult): readonly string[] {
  const files = {
    chosen: result.weights,
    last: join(result.run_dir, "checkpoints", "last", basename(result.weights)),
    ema: join(dirname(result.weights), "ema.safetensors"),
  };
  return artifact.plan.exports.map(({ file: name, weights, graph }) => {
    const file = join(result.run_dir, name);
    if (!existsSync(file)) writeWith(artifact, graph, files[weights], file);
    return file;
  });
}

function writeWith(artifact: Artifact, spec: GraphSpec, weightsFile: string, file: string): void {
  const graph = artifact.files.get(spec.file);
  invariant(graph !== undefined, `the artifact has no \`${spec.file}\``);
  const weights = weightsFor(artifact, spec, weightsFile);
  const keys = new Map(artifact.plan.state.map((entry) => [entry.path, entry.key]));
  const renames = new Map([...weights.keys()].map((path) => [path, keys.get(path) ?? path]));
  const taken = new Set([...valueNames(graph), ...renames.values()]);
  for (const { name, feed } of spec.inputs)
    // An output may have the field's name, as a denoised picture has.
    if (feed.kind === "field" && !taken.has(feed.field)) renames.set(name, feed.field);
  const draws = spec.inputs.flatMap(({ name, feed }) => (feed.kind === "random" ? [name] : []));
  replaceFile(file, embedWeights(drawInside(graph, draws), weights, renames));
}

function weightsFor(
  { plan }: Artifact,
  spec: GraphSpec,
  file: string,
): ReadonlyMap<string, Weight> {
  const { tensors } = readSafetensors(file);
  const needed = new Set(
    spec.inputs.flatMap(({ feed }) => (feed.kind === "state" ? [feed.path] : [])),
  );
  return new Map(
    plan.state
      .filter((entry) => needed.has(entry.path))
      .map((entry) => {
        const tensor = tensors.get(entry.key);
        invariant(tensor !== undefined, `the checkpoint has no ${entry.key}`);
        const { buffer, byteOffset, byteLength } = tensor.data;
        const data = new Uint8Array(buffer, byteOffset, byteLength);
        return [entry.path, { dtype: entry.dtype, shape: entry.shape, data }] as const;
      }),
  );
}
