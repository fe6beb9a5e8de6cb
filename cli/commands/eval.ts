/** `saic eval`: measures the weights of a run on a split. */

import { availableParallelism } from "node:os";
import { Option } from "commander";
import { executorNames, type ExecutorName } from "../../runtime/executor/executor.js";
import type { SplitName } from "../../runtime/data/dataset.js";
import type { WeightName } from "../../runtime/use/open-run.js";
import { printDiagnostics } from "../fail.js";
import { displayName } from "../host.js";
import { formatOption, jsonOption, wholeNumber } from "../program-flags.js";
import { withoutTotal } from "../progress.js";
import { addSubject, openSubject, type SubjectFlags } from "../run-subject.js";
import type { CommandDefinition } from "./index.js";

interface EvalFlags extends SubjectFlags {
  readonly format: "text" | "json";
  readonly split: SplitName;
  readonly weights?: WeightName;
  readonly threads?: number;
  readonly executor?: ExecutorName;
}

export const evaluateCommand: CommandDefinition = (program, argv) => {
  addSubject(program.command("eval"), argv, [
    new Option("--split <name>", "which records").choices(["train", "val", "test"]).default("test"),
    weightsOption(),
    new Option("--threads <n>", "threads of one operator (default: all cores)").argParser(
      wholeNumber(1),
    ),
    new Option("--executor <name>", "what runs graphs (default: the first that works)").choices(
      executorNames,
    ),
    formatOption("how to print the numbers"),
    jsonOption(),
  ])
    .description("measure a run's weights on a split: every record, every metric of the program")
    .action(async (subject: string, flags: EvalFlags) => {
      process.exitCode = await measure(subject, flags);
    });
};

/** `--weights best|last|ema`. */
export const weightsOption = (): Option =>
  new Option(
    "--weights <which>",
    "the best, the last or the averaged ones (default: those the run chose)",
  ).choices(["best", "last", "ema"]);

async function measure(subject: string, flags: EvalFlags): Promise<number> {
  const opened = await openSubject(subject, flags);
  if (!opened.ok) return opened.exitCode;
  const { chooseWeights } = await import("../../runtime/use/open-run.js");
  const { evaluateRun } = await import("../../runtime/use/evaluate-run.js");
  const { run } = opened;
  const weights = chooseWeights(run, flags.weights ?? null);
  const measured = await evaluateRun(run, weights, {
    split: flags.split,
    device: flags.device ?? "cpu",
    threads: flags.threads ?? availableParallelism(),
    executor: flags.executor ?? null,
  });
  printDiagnostics(measured.warnings);
  const { records, executor, metrics, tables } = measured;
  const document = {
    run_dir: run.folder,
    split: flags.split,
    records,
    weights: { name: weights.name, file: weights.file, update: weights.update },
    executor,
    metrics,
    tables,
  };
  process.stdout.write(
    flags.format === "json" ? `${JSON.stringify(document, null, 2)}\n` : table(document),
  );
  return 0;
}

function table({
  run_dir: folder,
  split,
  records,
  weights,
  metrics,
  tables,
}: {
  readonly run_dir: string;
  readonly split: string;
  readonly records: number;
  readonly weights: { readonly name: string; readonly file: string; readonly update: number };
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly tables: Readonly<Record<string, unknown>>;
}): string {
  const lines = [
    `${weights.name} weights after ${weights.update} updates on ${records} records of ${split}`,
    ...Object.entries(withoutTotal(metrics)).map(
      ([name, value]) =>
        `  ${name.padEnd(28)} ${value === null ? "undefined" : value.toPrecision(4)}`,
    ),
    ...Object.entries(tables).map(([name, each]) => `  ${name.padEnd(28)} ${JSON.stringify(each)}`),
    `  run      ${displayName(folder)}`,
    `  weights  ${displayName(weights.file)}`,
  ];
  return `${lines.join("\n")}\n`;
}
