/** Opens a run after its training, or while it trains: its plan, its graphs, and weights to use. */

import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Stage } from "../../compiler/plan/schema.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { graphsGone, noRunDirectory, weightsAbsent } from "../../grammar/diagnostics/use.js";
import { at } from "../../grammar/invariant.js";
import { type Artifact, openArtifact } from "../artifact.js";
import { artifactFolder } from "../artifact-folder.js";
import { createFiles } from "../atomic-file.js";
import { readManifest, readWeights, type State } from "../checkpoint/checkpoint.js";
import type { Progress } from "../checkpoint/progress.js";
import { createStore } from "../checkpoint/store.js";
import { exitCodes, Fault } from "../fault.js";
import { weightsFile } from "../train/averages.js";
import { checkPlan } from "../train/plan-check.js";

export interface OpenedRun {
  /** The run directory. */
  readonly folder: string;
  /** Plan and graphs that the run was made with. */
  readonly artifact: Artifact;
}

/** Opens a run directory; faults with exit code 2 where it is none, or its graphs are gone. */
export function openRun(folder: string): OpenedRun {
  const none = (reason: string): Fault =>
    new Fault(diagnose(noRunDirectory, { folder, reason }, null), exitCodes.environment);
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) throw none("it does not exist");
  if (!found.isDirectory()) throw none("it is a file");
  if (!existsSync(join(folder, "plan.json"))) throw none("it has no `plan.json`");
  const { plan } = openArtifact(folder);
  const artifact = artifactFolder(dirname(resolve(folder)), plan);
  if (!existsSync(artifact))
    throw new Fault(diagnose(graphsGone, { folder, artifact }, null), exitCodes.environment);
  checkPlan(plan);
  return { folder, artifact: openArtifact(artifact) };
}

export const weightNames = ["best", "last", "ema"] as const;
export type WeightName = (typeof weightNames)[number];

/** Weights of a checkpoint, and what measured or made them. */
export interface ChosenWeights {
  readonly name: WeightName;
  /** The safetensors file, by its real folder. */
  readonly file: string;
  /** The stage whose evaluation reads them. */
  readonly stage: Stage;
  /** Updates made when they were written. */
  readonly update: number;
  /** Parameters and buffers by path. */
  readonly state: State;
}

/**
 * The weights of a run: those it tests and writes where nothing is asked, the best if it keeps
 * some and else the last; `ema` their averages. Faults with exit code 2 where there are none.
 */
export function chooseWeights(
  { folder, artifact: { plan } }: OpenedRun,
  asked: WeightName | null,
): ChosenWeights {
  const absent = (what: string, reason: string): Fault =>
    new Fault(diagnose(weightsAbsent, { folder, what, reason }, null), exitCodes.environment);
  const checkpoints = join(folder, "checkpoints");
  const last = createStore(checkpoints, createFiles()).last();
  if (last === null) throw absent(asked ?? "last", "no checkpoint has been written yet");
  const { progress } = readManifest(last);
  const [best] = progress.best;
  if (asked === "best" && best === undefined)
    throw absent("best", "no best checkpoint is kept, or none has been measured");
  const isBest = best !== undefined && asked !== "last";
  const stage = isBest ? at(plan.stages, best.stage) : lastStageOf(plan.stages, progress);
  const file = asked === "ema" ? "ema.safetensors" : weightsFile(stage);
  if (asked === "ema" && !plan.state.some(({ role }) => role === "average"))
    throw absent("ema", `\`${plan.train}\` keeps no moving average`);
  const from = isBest ? join(checkpoints, best.folder) : last;
  return {
    name: asked ?? (isBest ? "best" : "last"),
    file: join(from, file),
    stage,
    update: isBest ? best.update : progress.update,
    state: readWeights(from, plan, file),
  };
}

/** The stage that made the last update. */
function lastStageOf(stages: readonly Stage[], { stage, stopped }: Progress): Stage {
  const found = stopped === null ? undefined : stages.find(({ name }) => name === stopped.stage);
  return found ?? at(stages, Math.min(stage, stages.length - 1));
}
