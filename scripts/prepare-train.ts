/** Makes everything a training step needs from a program, for scripts that run steps by themselves. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createHost, readProgram } from "../cli/host.js";
import { emitArtifact } from "../compiler/artifact.js";
import { analyze, type Analysis } from "../compiler/compile.js";
import type { Graph } from "../compiler/ir/graph.js";
import type { Override } from "../compiler/overrides.js";
import type { Functions } from "../compiler/passes/pass.js";
import type { Plan } from "../compiler/plan/schema.js";
import { renderDiagnostic } from "../grammar/render.js";

/** Values of settings by path, in the language. */
export type Settings = Readonly<Record<string, string>>;

/** A program that was compiled into a folder. */
export interface PreparedTrain {
  readonly plan: Plan;
  readonly folder: string;
  readonly graphs: ReadonlyMap<string, Graph>;
}

/** Checks a program; throws with its errors when there are any. */
export function analyzeFile(file: string, settings: Settings = {}): Analysis {
  const source = readProgram(file);
  if (source === null) throw new Error(`${file} cannot be read`);
  const overrides: readonly Override[] = Object.entries(settings).map(([path, value]) => ({
    path,
    value,
    flag: `--${path}`,
  }));
  const analysis = analyze(source, createHost(), { overrides, train: null });
  const errors = analysis.diagnostics.filter(({ severity }) => severity === "error");
  if (errors.length > 0)
    throw new Error(errors.map((each) => renderDiagnostic(each, { color: "never" })).join("\n"));
  return analysis;
}

/** Compiles a program for the CPU into `folder`. */
export function prepareTrain(
  file: string,
  folder: string,
  settings: Settings = {},
  functions: Functions = "inline",
): PreparedTrain {
  const { lowered } = analyzeFile(file, settings);
  if (lowered === null) throw new Error(`${file} declares no train`);
  const { plan, files, graphs } = emitArtifact(lowered, "cpu", functions);
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  return { plan, folder, graphs };
}
