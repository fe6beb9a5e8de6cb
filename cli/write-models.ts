/** Writes models of a run as files of their own, each after it has given what the run gives. */

import type { Exported, Plan } from "../compiler/plan/schema.js";
import type { Comparison } from "../runtime/use/check-export.js";
import type { OpenedRun, WeightName } from "../runtime/use/open-run.js";
import { replaceFile } from "./artifact-files.js";

export type WantedModel = Omit<Exported, "place">;

export interface WrittenModel {
  readonly file: string;
  readonly bytes: number;
  readonly opset: number;
  readonly precision: string;
  readonly weights: WeightName;
  /** `null` where none was asked for. */
  readonly comparison: Comparison | null;
}

/** `model.onnx`: fields as inputs, a symbolic batch, no weights to feed. */
export const plainModel = (plan: Plan): WantedModel => ({
  file: "model.onnx",
  weights: "chosen",
  precision: "f32",
  opset: plan.opset,
  preprocess: false,
  graph: plan.infer,
});

export interface WriteOptions {
  /** Where a model goes, by its own file. */
  readonly target: (own: string) => string;
  /** `null`: those that the export says. */
  readonly weights: WeightName | null;
  readonly threads: number;
  /** On records of the run, within the tolerance of its precision where none is given. */
  readonly comparison: { readonly tolerance: number | null } | null;
}

/** Faults with exit code 4 at the first model that differs, which is not written. */
export async function writeModels(
  run: OpenedRun,
  wanted: readonly WantedModel[],
  { target, weights: asked, threads, comparison: compared }: WriteOptions,
): Promise<readonly WrittenModel[]> {
  if (wanted.length === 0) return [];
  const { chooseWeights } = await import("../runtime/use/open-run.js");
  const { modelBytes, runSources } = await import("./model-file.js");
  const check = compared === null ? null : await import("../runtime/use/check-export.js");
  const sample = check === null ? null : await check.sampleRecords(run);
  const written: WrittenModel[] = [];
  for (const { file: own, graph: spec, precision, opset, preprocess, weights: said } of wanted) {
    const weights = chooseWeights(run, asked ?? (said === "chosen" ? null : said));
    const file = target(own);
    const sources = runSources(run.artifact, { runDir: run.folder, weights: weights.file });
    const bytes = modelBytes(sources, { spec, precision }, file);
    const comparison =
      check === null || sample === null
        ? null
        : await check.compareModel(
            run,
            weights,
            { bytes, spec, file, precision, preprocess },
            { sample, threads, tolerance: compared?.tolerance ?? null },
          );
    replaceFile(file, bytes);
    const size = bytes.byteLength;
    written.push({ file, bytes: size, opset, precision, weights: weights.name, comparison });
  }
  return written;
}
