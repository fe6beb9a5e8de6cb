/** `saic export`: writes the models of a run, each held against the run on real records first. */

import { statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import type { Plan } from "../../compiler/plan/schema.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { exportUnknown } from "../../grammar/diagnostics/use.js";
import { suggest } from "../../grammar/suggest.js";
import { exitCodes, Fault } from "../../runtime/fault.js";
import type { WeightName } from "../../runtime/use/open-run.js";
import { usage } from "../fail.js";
import { displayName } from "../host.js";
import { formatOption, jsonOption, wholeNumber } from "../program-flags.js";
import { addSubject, openSubject, type SubjectFlags } from "../run-subject.js";
import { plainModel, type WantedModel, writeModels, type WrittenModel } from "../write-models.js";
import { weightsOption } from "./eval.js";
import type { CommandDefinition } from "./index.js";

interface ExportFlags extends SubjectFlags {
  readonly format: "text" | "json";
  readonly weights?: WeightName;
  readonly out?: string;
  readonly threads?: number;
  readonly tolerance?: number;
  readonly check: boolean;
}

export const exportCommand: CommandDefinition = (program, argv) => {
  addSubject(program.command("export"), argv, [
    weightsOption(),
    new Option("--out <path>", "a folder, or the file of one model (default: the run directory)"),
    new Option(
      "--tolerance <x>",
      "how far an output may be off, relative to its largest number",
    ).argParser(share),
    new Option("--no-check", "do not compare with the run"),
    new Option("--threads <n>", "threads of one operator (default: all cores)").argParser(
      wholeNumber(1),
    ),
    formatOption("how to print what was written"),
    jsonOption(),
  ])
    .argument("[name]", "one export, by its file; `model` is the plain one (default: all exports)")
    .description(
      "write a run's models as ONNX files, weights inside, and compare them with the run",
    )
    .action(async (subject: string, name: string | undefined, flags: ExportFlags) => {
      process.exitCode = await write(subject, name ?? null, flags);
    });
};

function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError("Expected a number from 0 on.");
}

async function write(subject: string, name: string | null, flags: ExportFlags): Promise<number> {
  const opened = await openSubject(subject, flags);
  if (!opened.ok) return opened.exitCode;
  const { run } = opened;
  const wanted = chosen(run.artifact.plan, name);
  const written = await writeModels(run, wanted, {
    target: targetOf(flags.out ?? run.folder, wanted.length),
    weights: flags.weights ?? null,
    threads: flags.threads ?? availableParallelism(),
    comparison: flags.check ? { tolerance: flags.tolerance ?? null } : null,
  });
  process.stdout.write(
    flags.format === "json"
      ? `${JSON.stringify({ run_dir: run.folder, models: written }, null, 2)}\n`
      : written.map(line).join(""),
  );
  return exitCodes.success;
}

/** The exports of the program, or the plain model where there is none. */
function chosen(plan: Plan, name: string | null): readonly WantedModel[] {
  const plain = plainModel(plan);
  if (name === null) return plan.exports.length === 0 ? [plain] : plan.exports;
  const all: readonly WantedModel[] = [...plan.exports, plain];
  const found = all.find(({ file }) => file === name || file === `${name}.onnx`);
  if (found !== undefined) return [found];
  const known = all.map(({ file }) => file);
  throw new Fault(
    diagnose(exportUnknown, { name, known, suggestion: suggest(name, known) }, null),
    exitCodes.environment,
  );
}

/** Where a model goes: into a folder under its own name, or to the one file that is named. */
function targetOf(out: string, models: number): (own: string) => string {
  const isFolder = statSync(out, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isFolder || !out.endsWith(".onnx")) return (own) => join(out, own);
  if (models === 1) return () => out;
  throw usage(
    `\`--out ${out}\` names one file for ${models} models`,
    "name a folder, or one export",
  );
}

function line({ file, bytes, opset, precision, weights, comparison }: WrittenModel): string {
  const head = `${displayName(file)}: ${weights} weights in ${precision}, opset ${opset}, ${sizeOf(bytes)}`;
  if (comparison === null) return `${head}; not compared\n`;
  const { differences, records, split, tolerance } = comparison;
  const rows = Object.entries(differences).map(
    ([name, value]) =>
      `  ${name.padEnd(28)} ${value === null ? "drawn, not compared" : `differs by ${value.toExponential(1)}`}`,
  );
  return `${head}\n${rows.join("\n")}\n  on ${records} records of ${split}, of at most ${tolerance}\n`;
}

const sizeOf = (bytes: number): string =>
  bytes >= 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${Math.ceil(bytes / 2 ** 10)} KiB`;
