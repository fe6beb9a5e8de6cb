/** Writes every export of a program, and what the run's own graphs give for the same records. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../cli/host.js";
import { modelBytes, runSources } from "../cli/model-file.js";
import { encodeSafetensors } from "../runtime/checkpoint/safetensors.js";
import { openArtifact } from "../runtime/artifact.js";
import type { Value } from "../runtime/data/value.js";
import type { HostTensor } from "../runtime/tensor.js";
import { sampleRecords } from "../runtime/use/check-export.js";
import { graphModel, stacked } from "../runtime/use/run-model.js";
import { prepareTrain } from "./prepare-train.js";
import { initialState } from "./step-inputs.js";

/** Few enough for the reference evaluator, and one whole batch of the export that has a fixed one. */
const count = 4;

/**
 * The models, `exports.json` with what the plan says of each, and `records.safetensors`: `raw/image`
 * and `prepared/image` go in, `expected/<output>` comes out.
 */
export async function writeExportFixtures(folder: string): Promise<void> {
  const artifactFolder = join(folder, "artifact");
  mkdirSync(artifactFolder, { recursive: true });
  prepareTrain(join(packageRoot, "test", "parity", "exports.pipe"), artifactFolder);
  const artifact = openArtifact(artifactFolder);
  const { plan } = artifact;
  const state = initialState(plan);
  const weights = join(folder, "weights.safetensors");
  const keys = new Map(
    plan.state.flatMap(({ path, key, role }) => {
      const tensor = state.get(path);
      const isWeight = role === "parameter" || role === "buffer";
      return tensor === undefined || !isWeight ? [] : [[key, tensor] as const];
    }),
  );
  writeFileSync(weights, Buffer.concat(encodeSafetensors(keys)));
  const run = { folder, artifact };
  const { raw, prepared } = await sampleRecords(run);
  const records = prepared.slice(0, count);
  const tensors = new Map<string, HostTensor>([
    ["raw/image", stacked(raw.slice(0, count), "image", count)],
    ["prepared/image", stacked(records, "image", count)],
  ]);
  for (const spec of [plan.infer, ...(plan.predict === undefined ? [] : [plan.predict])]) {
    const model = await graphModel(run, spec, state, { device: "cpu", threads: 1 });
    for (const [name, values] of await model.run(records, 0))
      tensors.set(`expected/${name}`, rowsOf(values));
    await model.close();
  }
  writeFileSync(join(folder, "records.safetensors"), Buffer.concat(encodeSafetensors(tensors)));
  const sources = runSources(artifact, { runDir: folder, weights });
  for (const { file, graph: spec, precision } of plan.exports)
    writeFileSync(join(folder, file), modelBytes(sources, { spec, precision }, file));
  const said = plan.exports.map(({ file, opset, precision, preprocess }) => ({
    file,
    opset,
    precision,
    preprocess,
  }));
  writeFileSync(join(folder, "exports.json"), `${JSON.stringify(said, null, 1)}\n`);
}

const rowsOf = (values: readonly Value[]): HostTensor =>
  stacked(
    values.map((value) => new Map([["value", value]])),
    "value",
    values.length,
  );
