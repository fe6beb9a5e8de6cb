/** `saic run`: compiles a program and trains it, or takes up where it stopped. */

import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { Option } from "commander";
import { exitCodes } from "../../runtime/fault.js";
import type { RunResult } from "../../runtime/run-result.js";
import { runTraining } from "../../runtime/supervise.js";
import { compileProgram, writeArtifact } from "../artifact-files.js";
import { writeModel } from "../model-file.js";
import { addProgramFlags, type ProgramFlags, wholeNumber } from "../program-flags.js";
import { createProgress } from "../progress.js";
import type { CommandDefinition } from "./index.js";

interface RunFlags extends ProgramFlags {
  readonly format: "text" | "json";
  readonly runsDir: string;
  readonly threads?: number;
  readonly fresh?: true;
  readonly from?: string;
  readonly gate?: true;
  readonly ignoreMemory?: true;
}

export const run: CommandDefinition = (program, argv) => {
  addProgramFlags(program.command("run"), argv)
    .description("train a program, or continue it where it stopped")
    .option("--runs-dir <folder>", "where runs are kept", "runs")
    .option("--threads <n>", "threads of one operator (default: all cores)", wholeNumber(1))
    .option("--fresh", "begin anew; what is there is moved aside")
    .option("--from <checkpoint>", "begin with the weights of a checkpoint")
    .option("--gate", "exit with 3 when an objective is not met")
    .option("--ignore-memory", "start even when the predicted memory is not there")
    .addOption(
      new Option("--format <format>", "how to print the result")
        .choices(["text", "json"])
        .default("text"),
    )
    .action(async (file: string, flags: RunFlags) => {
      process.exitCode = await train(file, flags);
    });
};

async function train(file: string, flags: RunFlags): Promise<number> {
  const artifact = compileProgram(file, flags);
  if (artifact === null) return exitCodes.findings;
  const id = artifact.plan.hash.slice(0, 16);
  const folder = join(flags.runsDir, artifact.plan.train, ".artifacts", id);
  writeArtifact(artifact, folder);
  const stop = new AbortController();
  const interrupt = (): void => {
    // The second request does not wait for the update to end.
    if (stop.signal.aborted) process.exit(exitCodes.interrupted);
    process.stderr.write("\nstopping after this update; a checkpoint is written\n");
    stop.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  const progress = createProgress(process.stderr);
  let result: RunResult;
  try {
    result = await runTraining(
      {
        artifact: folder,
        runsDir: flags.runsDir,
        threads: flags.threads ?? availableParallelism(),
        device: flags.device ?? "cpu",
        from: flags.from ?? null,
        mode: flags.fresh === true ? "fresh" : "resume",
        graphs: "fused",
        ignoreMemory: flags.ignoreMemory === true,
      },
      (event) => progress.show(event),
      stop.signal,
    );
  } finally {
    progress.end();
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
  const model = result.status === "finished" ? writeModel(artifact, result) : null;
  if (flags.format === "json")
    process.stdout.write(`${JSON.stringify({ ...result, model }, null, 2)}\n`);
  else process.stdout.write(summary(file, result, model));
  if (result.status === "interrupted") return exitCodes.interrupted;
  const missed = result.objectives.some(({ met }) => !met);
  return flags.gate === true && missed ? exitCodes.objectiveNotMet : exitCodes.success;
}

function summary(file: string, result: RunResult, model: string | null): string {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(result.metrics))
    lines.push(`  ${name.padEnd(28)} ${value === null ? "undefined" : value.toFixed(4)}`);
  for (const { name, target, met } of result.objectives)
    lines.push(`  objective ${name}: ${met ? "met" : "not met"} (target ${target})`);
  const where = (path: string): string => {
    const short = relative(process.cwd(), path);
    return short.startsWith("..") ? path : short;
  };
  const head =
    result.status === "finished"
      ? `trained ${result.updates} updates, ${Number(result.epochs.toFixed(2))} epochs`
      : `stopped after ${result.updates} updates; run \`saic run ${file}\` again to continue`;
  lines.push(`  run      ${where(result.run_dir)}`);
  if (existsSync(result.weights)) lines.push(`  weights  ${where(result.weights)}`);
  if (model !== null) lines.push(`  model    ${where(model)}`);
  return `${head}\n${lines.join("\n")}\n`;
}
