/** Compiles programs and runs them in this process, stopped or killed wherever a test wants it. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createHost } from "../../cli/host.js";
import { emitArtifact } from "../../compiler/artifact.js";
import { analyze } from "../../compiler/compile.js";
import type { Plan } from "../../compiler/plan/schema.js";
import { renderDiagnostic } from "../../grammar/render.js";
import { createSource } from "../../grammar/source.js";
import { createFiles } from "../../runtime/atomic-file.js";
import { openDataset } from "../../runtime/data/open-dataset.js";
import type { RunEvent } from "../../runtime/events.js";
import { openExecutor } from "../../runtime/executor/open-executor.js";
import type { RunOptions } from "../../runtime/run-options.js";
import type { RunResult } from "../../runtime/run-result.js";
import { runHere } from "../../runtime/train/run-training.js";
import { Crash } from "./harness.js";

/** Compiles a program into `folder`, each batch in `parts`; throws with everything that was found. */
export function compileInto(folder: string, text: string, parts = 1): Plan {
  const source = createSource("small.pipe", text);
  const { diagnostics, uncarried, lowered } = analyze(source, createHost(), {
    overrides: [],
    train: null,
    parts,
  });
  const found = [...diagnostics, ...uncarried];
  if (found.length > 0 || lowered === null)
    throw new Error(found.map((each) => renderDiagnostic(each, { color: "never" })).join("\n"));
  const { plan, files } = emitArtifact(lowered, "cpu");
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  return plan;
}

export interface CompiledRun {
  readonly artifact: string;
  readonly runsDir: string;
  /** Crashes after this update's work is done. */
  readonly crashAfter?: number;
  /** Crashes when this update is made, before all that follows from it. */
  readonly crashAt?: number;
  readonly stopAfter?: number;
  readonly events?: RunEvent[];
  readonly options?: Partial<RunOptions>;
}

export function runCompiled(given: CompiledRun): Promise<RunResult> {
  let stop = false;
  return runHere(
    {
      artifact: given.artifact,
      runsDir: given.runsDir,
      threads: 1,
      device: "cpu",
      executor: "session",
      from: null,
      mode: "resume",
      graphs: "kernels",
      ignoreMemory: true,
      ...given.options,
    },
    {
      openDataset,
      openExecutor,
      onEvent: (event) => {
        given.events?.push(event);
        if (event.type === "step" && event.update === given.crashAt)
          throw new Crash(`at update ${event.update}`);
      },
      shouldStop: () => stop,
      afterUpdate: (update) => {
        if (update === given.crashAfter) throw new Crash(`after update ${update}`);
        if (update === given.stopAfter) stop = true;
      },
      files: createFiles(),
    },
  );
}
