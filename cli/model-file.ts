/** Writes the trained model: the inference graph with the chosen weights inside, plain ONNX. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Artifact } from "../compiler/compile.js";
import { embedWeights, valueNames } from "../compiler/onnx/embed.js";
import { invariant } from "../grammar/invariant.js";
import { readSafetensors } from "../runtime/checkpoint/safetensors.js";
import type { RunResult } from "../runtime/run-result.js";
import { replaceFile } from "./artifact-files.js";

/** `model.onnx` in the run's directory: fields as inputs, a symbolic batch, no weights to feed. */
export function writeModel(artifact: Artifact, result: RunResult): string {
  const file = join(result.run_dir, "model.onnx");
  if (existsSync(file)) return file;
  const graph = artifact.files.get(artifact.plan.infer.file);
  invariant(graph !== undefined, "an artifact has an inference graph");
  const { tensors } = readSafetensors(result.weights);
  const needed = new Set(
    artifact.plan.infer.inputs.flatMap(({ feed }) => (feed.kind === "state" ? [feed.path] : [])),
  );
  const weights = new Map(
    artifact.plan.state
      .filter((entry) => needed.has(entry.path))
      .map((entry) => {
        const tensor = tensors.get(entry.key);
        invariant(tensor !== undefined, `the checkpoint has no ${entry.key}`);
        const { buffer, byteOffset, byteLength } = tensor.data;
        const data = new Uint8Array(buffer, byteOffset, byteLength);
        return [entry.path, { dtype: entry.dtype, shape: entry.shape, data }] as const;
      }),
  );
  const keys = new Map(artifact.plan.state.map((entry) => [entry.path, entry.key]));
  const renames = new Map([...weights.keys()].map((path) => [path, keys.get(path) ?? path]));
  const taken = new Set([...valueNames(graph), ...renames.values()]);
  for (const { name, feed } of artifact.plan.infer.inputs)
    // An output may have the field's name, as a denoised picture has.
    if (feed.kind === "field" && !taken.has(feed.field)) renames.set(name, feed.field);
  replaceFile(file, embedWeights(graph, weights, renames));
  return file;
}
