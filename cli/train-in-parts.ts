/** Trains a program, in smaller micro-batches where memory does not suffice and it says that they may be. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Artifact } from "../compiler/artifact.js";
import type { Plan } from "../compiler/plan/schema.js";
import { memoryPredicted, outOfMemory } from "../grammar/diagnostics/run.js";
import type { RunEvent } from "../runtime/events.js";
import { type ExitCode, Fault } from "../runtime/fault.js";
import type { RunOptions } from "../runtime/run-options.js";
import type { RunResult } from "../runtime/run-result.js";
import { runTraining } from "../runtime/supervise.js";
import { artifactFolder } from "../runtime/artifact-folder.js";
import { type Compiled, writeArtifact } from "./artifact-files.js";

export interface TrainingServices {
  /** The program with each batch in so many parts. */
  readonly compile: (parts: number) => Promise<Compiled>;
  readonly onEvent: (event: RunEvent) => void;
  readonly stop: AbortSignal;
}

export type Trained =
  | { readonly ok: true; readonly artifact: Artifact; readonly result: RunResult }
  | { readonly ok: false; readonly exitCode: ExitCode };

/**
 * Trains or takes up a run. Where `on_oom` lets it, memory that is predicted not to suffice, or
 * that ONNX Runtime is not given, halves the micro-batches: the run goes on at its last checkpoint
 * and keeps their size, so that its weights do not depend on when it is interrupted.
 */
export async function trainInParts(
  options: Omit<RunOptions, "artifact">,
  { compile, onEvent, stop }: TrainingServices,
): Promise<Trained> {
  let { mode } = options;
  let compiled = await compile(1);
  if (!compiled.ok) return compiled;
  const earlier = mode === "fresh" ? 1 : await partsBefore(options.runsDir, compiled.artifact.plan);
  if (earlier > 1) {
    // Commands that use the run may ask for its whole batches.
    write(options.runsDir, compiled.artifact);
    compiled = await compile(earlier);
  }
  for (;;) {
    if (!compiled.ok) return compiled;
    const { artifact } = compiled;
    const folder = write(options.runsDir, artifact);
    try {
      const result = await runTraining({ ...options, mode, artifact: folder }, onEvent, stop);
      return { ok: true, artifact, result };
    } catch (error) {
      const parts = isWantOfMemory(error) && !stop.aborted ? moreParts(artifact.plan) : null;
      if (parts === null) throw error;
      // What was to be moved aside is.
      mode = "resume";
      compiled = await compile(parts);
    }
  }
}

function write(runsDir: string, artifact: Artifact): string {
  const folder = artifactFolder(join(runsDir, artifact.plan.train), artifact.plan);
  writeArtifact(artifact, folder);
  return folder;
}

/** What a run has come to: its directory has the plan that it was last trained by. */
async function partsBefore(runsDir: string, { train, hash }: Plan): Promise<number> {
  const folder = join(runsDir, train, hash.slice(0, 16));
  if (!existsSync(join(folder, "plan.json"))) return 1;
  const { openArtifact } = await import("../runtime/artifact.js");
  return openArtifact(folder).plan.data.loader.parts ?? 1;
}

/** A process that the system has killed is none: so does whoever wants a run to end. */
const isWantOfMemory = (error: unknown): boolean =>
  error instanceof Fault &&
  [memoryPredicted.code, outOfMemory.code].some((code) => code === error.diagnostic.code);

/** Twice as many parts; `null` where they may not, or cannot, be smaller. */
function moreParts({ onOutOfMemory, data }: Plan): number | null {
  const { batch, parts = 1 } = data.loader;
  if (onOutOfMemory === undefined || batch % 2 !== 0) return null;
  return batch / 2 < onOutOfMemory.smallest ? null : 2 * parts;
}
