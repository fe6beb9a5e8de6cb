/** `saic run`: compiles a program and trains it, or takes up where it stopped. */

import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Option } from "commander";
import { type ExecutorName, executorNames } from "../../runtime/executor/executor.js";
import { exitCodes } from "../../runtime/fault.js";
import type { Artifact } from "../../compiler/artifact.js";
import type { RunOptions } from "../../runtime/run-options.js";
import type { RunResult } from "../../runtime/run-result.js";
import { compileProgram } from "../artifact-files.js";
import { displayName } from "../host.js";
import { addProgramFlags, formatOption, type ProgramFlags, wholeNumber } from "../program-flags.js";
import { createProgress, withoutTotal } from "../progress.js";
import { plainModel, writeModels } from "../write-models.js";
import type { CommandDefinition } from "./index.js";

interface RunFlags extends ProgramFlags {
  readonly format: "text" | "json";
  readonly runsDir: string;
  readonly threads?: number;
  readonly executor?: ExecutorName;
  readonly fresh?: true;
  readonly from?: string;
  readonly gate?: true;
  readonly ignoreMemory?: true;
  readonly cacheDir?: string;
  readonly check: boolean;
}

export const run: CommandDefinition = (program, argv) => {
  addProgramFlags(program.command("run"), argv, [
    new Option("--runs-dir <folder>", "where runs are kept").default("runs"),
    new Option("--threads <n>", "threads of one operator (default: all cores)").argParser(
      wholeNumber(1),
    ),
    new Option("--executor <name>", "what runs graphs (default: the first that works)").choices(
      executorNames,
    ),
    new Option("--fresh", "begin anew; what is there is moved aside"),
    new Option("--from <checkpoint>", "begin with the weights of a checkpoint"),
    new Option("--gate", "exit with 3 when an objective is not met"),
    new Option(
      "--cache-dir <folder>",
      "where caches of data lie (default: .saic/cache beside runs)",
    ),
    new Option("--no-check", "do not compare the models with the run at its end"),
    new Option("--ignore-memory", "start even when the predicted memory is not there"),
    formatOption("how to print the result"),
  ])
    .description("train a program, or continue it where it stopped")
    .action(async (file: string, flags: RunFlags) => {
      process.exitCode = await train(file, flags);
    });
};

async function train(file: string, flags: RunFlags): Promise<number> {
  const progress = createProgress(process.stderr);
  const stop = new AbortController();
  const interrupt = (): void => {
    // The second request does not wait for the update to end.
    if (stop.signal.aborted) {
      progress.end();
      process.exit(exitCodes.interrupted);
    }
    progress.note("stopping after this update; interrupt again to stop at once");
    stop.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  try {
    const options: Omit<RunOptions, "artifact"> = {
      runsDir: flags.runsDir,
      threads: flags.threads ?? availableParallelism(),
      device: flags.device ?? "cpu",
      executor: flags.executor ?? null,
      from: flags.from ?? null,
      mode: flags.fresh === true ? "fresh" : "resume",
      graphs: "kernels",
      ignoreMemory: flags.ignoreMemory === true,
      ...(flags.cacheDir === undefined ? {} : { cacheDir: flags.cacheDir }),
    };
    const { trainInParts } = await import("../train-in-parts.js");
    const trained = await trainInParts(options, {
      compile: (parts) => compileProgram(file, flags, { parts }),
      onEvent: (event) => progress.show(event),
      stop: stop.signal,
    });
    if (!trained.ok) return trained.exitCode;
    const { artifact, result } = trained;
    progress.end();
    const models =
      result.status === "finished" ? await modelsOf(artifact, result, options, flags) : [];
    const [model = null, ...exports] = models;
    process.stdout.write(
      flags.format === "json"
        ? `${JSON.stringify({ ...result, model, exports }, null, 2)}\n`
        : summary(file, result, models),
    );
    return exitCodeOf(result, flags);
  } finally {
    progress.end();
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
}

/** `model.onnx` and the exports; those that are not there yet are written, as `export` does it. */
async function modelsOf(
  { plan }: Artifact,
  { run_dir: folder }: RunResult,
  { threads }: Pick<RunOptions, "threads">,
  { check }: RunFlags,
): Promise<readonly string[]> {
  const wanted = [plainModel(plan), ...plan.exports];
  const target = (own: string): string => join(folder, own);
  const missing = wanted.filter((model) => !existsSync(target(model.file)));
  if (missing.length > 0) {
    const { openRun } = await import("../../runtime/use/open-run.js");
    const comparison = check ? { tolerance: null } : null;
    await writeModels(openRun(folder), missing, { target, weights: null, threads, comparison });
  }
  return wanted.map((model) => target(model.file));
}

function exitCodeOf({ status, objectives }: RunResult, { gate }: RunFlags): number {
  if (status === "interrupted") return exitCodes.interrupted;
  const missed = objectives.some(({ met }) => !met);
  return gate === true && missed ? exitCodes.objectiveNotMet : exitCodes.success;
}

function summary(file: string, result: RunResult, models: readonly string[]): string {
  const lines = Object.entries(withoutTotal(result.metrics)).map(
    ([name, value]) =>
      `  ${name.padEnd(28)} ${value === null ? "undefined" : value.toPrecision(4)}`,
  );
  for (const [name, table] of Object.entries(result.tables))
    lines.push(`  ${name.padEnd(28)} ${JSON.stringify(table)}`);
  for (const { name, target, met } of result.objectives)
    lines.push(`  objective ${name}: ${met ? "met" : "not met"} (target ${target})`);
  if (result.skipped > 0)
    lines.push(`  left out ${result.skipped} records, whose pictures cannot be read`);
  lines.push(`  run      ${displayName(result.run_dir)}`);
  if (existsSync(result.weights)) lines.push(`  weights  ${displayName(result.weights)}`);
  for (const model of models) lines.push(`  model    ${displayName(model)}`);
  const head =
    result.status === "finished"
      ? `trained ${result.updates} updates, ${Number(result.epochs.toFixed(2))} epochs`
      : `stopped after ${result.updates} updates; run \`saic run ${file}\` again to continue`;
  return `${head}\n${lines.join("\n")}\n`;
}
