/** `saic predict`: runs a model on new files and writes what it says of them. */

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, extname } from "node:path";
import { type Command, Option } from "commander";
import type { DataProgram } from "../../compiler/plan/data.js";
import type { GraphSpec } from "../../compiler/plan/schema.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { unwritable } from "../../grammar/diagnostics/command.js";
import { notModelOfRun, recordsBad } from "../../grammar/diagnostics/use.js";
import { refusalOf } from "../../runtime/atomic-file.js";
import { exitCodes, Fault } from "../../runtime/fault.js";
import type { OpenedRun, WeightName } from "../../runtime/use/open-run.js";
import type { Prediction } from "../../runtime/use/predict.js";
import type { RecordModel, RecordOutput } from "../../runtime/use/run-model.js";
import { printDiagnostics, usage } from "../fail.js";
import { wholeNumber } from "../program-flags.js";
import { addSubject, openSubject, type SubjectFlags } from "../run-subject.js";
import { weightsOption } from "./eval.js";
import type { CommandDefinition } from "./index.js";

const formats = ["json", "csv", "images"] as const;
type Format = (typeof formats)[number];

interface PredictFlags extends SubjectFlags {
  readonly format?: Format;
  readonly weights?: WeightName;
  readonly out?: string;
  readonly onError: "stop" | "skip";
  readonly threads?: number;
}

export const predictCommand: CommandDefinition = (program, argv) => {
  withArguments(addSubject(program.command("predict"), argv, ownOptions()))
    .description("predict for new files: pictures, arrays or tables, prepared as in validation")
    .addHelpText(
      "after",
      "\nThe run may also be a model in its run directory, such as `model.onnx`.\n" +
        "Without `--out` lines go to standard output. A file is written aside and renamed.",
    )
    .action(async (subject: string, paths: readonly string[], flags: PredictFlags) => {
      process.exitCode = await run(subject, paths, flags);
    });
};

const withArguments = (command: Command): Command =>
  command.argument("<files...>", "files, or folders that are searched through");

const ownOptions = (): readonly Option[] => [
  weightsOption(),
  new Option("--out <path>", "a file of lines, or the folder of pictures"),
  new Option("--format <format>", "lines of JSON or csv, or PNG pictures").choices(formats),
  new Option("--on-error <what>", "what becomes of a file that cannot be read")
    .choices(["stop", "skip"])
    .default("stop"),
  new Option("--threads <n>", "threads of one operator (default: all cores)").argParser(
    wholeNumber(1),
  ),
];

interface Loaded {
  readonly run: OpenedRun;
  readonly model: RecordModel;
  readonly records: "prepared" | "raw";
}

async function run(
  subject: string,
  paths: readonly string[],
  flags: PredictFlags,
): Promise<number> {
  const format = flags.format ?? (extname(flags.out ?? "") === ".csv" ? "csv" : "json");
  if (format === "images" && flags.out === undefined)
    throw usage("`--format images` needs a folder", "name it with `--out`");
  const loaded = await load(subject, flags);
  if ("exitCode" in loaded) return loaded.exitCode;
  const { run: opened, model, records } = loaded;
  try {
    const { findInputs, inputForm } = await import("../../runtime/use/input-files.js");
    const { predict } = await import("../../runtime/use/predict.js");
    const { fitsOf } = await import("../../runtime/use/stored-fits.js");
    const { data, seed } = opened.artifact.plan;
    const form = inputForm(data, model.fields);
    const writer = await writerOf(format, data, model.outputs, flags.out ?? null);
    try {
      const { files, passed } = await findInputs(paths, form);
      let skipped = 0;
      let count = 0;
      const predictions = predict(model, form, files, {
        seed,
        fits: fitsOf(data, opened.folder),
        records,
        onError: flags.onError,
        onSkipped: (warning) => {
          skipped++;
          printDiagnostics([warning]);
        },
        onWarning: (warning) => printDiagnostics([warning]),
      });
      for await (const prediction of predictions) {
        await writer.write(prediction);
        count++;
      }
      if (count === 0)
        throw new Fault(
          diagnose(recordsBad, { bad: skipped, records: skipped }, null),
          exitCodes.badData,
        );
      writer.finish();
      const notes = [
        ...(skipped === 0 ? [] : [`left out ${skipped}`]),
        ...(passed === 0 ? [] : [`passed over ${counted(passed, "file")} of other kinds`]),
      ];
      process.stderr.write(`predicted ${[counted(count, "record"), ...notes].join(", ")}\n`);
      return exitCodes.success;
    } finally {
      writer.close();
    }
  } finally {
    await model.close();
  }
}

async function load(
  subject: string,
  flags: PredictFlags,
): Promise<Loaded | { readonly exitCode: number }> {
  const threads = flags.threads ?? availableParallelism();
  if (subject.endsWith(".onnx")) return loadFile(subject, flags, threads);
  const opened = await openSubject(subject, flags);
  if (!opened.ok) return opened;
  const { chooseWeights } = await import("../../runtime/use/open-run.js");
  const { graphModel } = await import("../../runtime/use/run-model.js");
  const { plan } = opened.run.artifact;
  const { state } = chooseWeights(opened.run, flags.weights ?? null);
  const device = flags.device ?? "cpu";
  const options = { device, threads };
  const model = await graphModel(opened.run, plan.predict ?? plan.infer, state, options);
  return { run: opened.run, model, records: "prepared" };
}

/** A model of a run is read together with the plan beside it. */
async function loadFile(file: string, flags: PredictFlags, threads: number): Promise<Loaded> {
  const refuse = (reason: string): Fault =>
    new Fault(diagnose(notModelOfRun, { file, reason }, null), exitCodes.environment);
  if (flags.weights !== undefined)
    throw usage("`--weights` and a model exclude each other", "a model holds its weights");
  if (!existsSync(file)) throw refuse("it does not exist");
  if (!existsSync(`${dirname(file)}/plan.json`)) throw refuse("no `plan.json` lies beside it");
  const { openRun } = await import("../../runtime/use/open-run.js");
  const { fileModel } = await import("../../runtime/use/run-model.js");
  const run = openRun(dirname(file));
  const { plan } = run.artifact;
  const name = basename(file);
  const exported = plan.exports.find((each) => each.file === name);
  const spec: GraphSpec | null = exported?.graph ?? (name === "model.onnx" ? plan.infer : null);
  if (spec === null) throw refuse(`the program exports no \`${name}\``);
  const bytes = new Uint8Array(readFileSync(file));
  const model = await fileModel(plan, { bytes, spec, file }, { threads });
  return { run, model, records: exported?.preprocess === true ? "raw" : "prepared" };
}

const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? "" : "s"}`;

interface Writer {
  readonly write: (prediction: Prediction) => Promise<void>;
  /** Puts a file in its place. */
  readonly finish: () => void;
  /** Leaves nothing half written. */
  readonly close: () => void;
}

async function writerOf(
  format: Format,
  program: DataProgram,
  outputs: readonly RecordOutput[],
  out: string | null,
): Promise<Writer> {
  if (format === "images") {
    const { pictureWriter } = await import("../../runtime/use/prediction-pictures.js");
    const pictures = pictureWriter(program, outputs, out ?? ".");
    return {
      write: async (prediction) => {
        await pictures.write(prediction);
      },
      finish: () => printDiagnostics(pictures.warnings()),
      close: () => undefined,
    };
  }
  const { csvRows, jsonRows } = await import("../../runtime/use/prediction-rows.js");
  const { head, row } = (format === "csv" ? csvRows : jsonRows)(program, outputs);
  const lines = out === null ? toStandardOutput() : toFile(out);
  lines.write(head);
  return {
    write: async (prediction) => lines.write(row(prediction)),
    finish: lines.finish,
    close: lines.close,
  };
}

interface Lines {
  readonly write: (text: string) => void;
  readonly finish: () => void;
  readonly close: () => void;
}

/** All at once at the end: a command that fails leaves standard output empty. */
function toStandardOutput(): Lines {
  const lines: string[] = [];
  return {
    write: (text) => {
      lines.push(text);
    },
    finish: () => {
      process.stdout.write(lines.join(""));
    },
    close: () => undefined,
  };
}

function toFile(file: string): Lines {
  const aside = `${file}.${process.pid}.new`;
  const explained = <T>(body: () => T): T => {
    try {
      return body();
    } catch (error) {
      const reason = refusalOf(error);
      if (reason === null) throw error;
      throw new Fault(diagnose(unwritable, { file, reason }, null), exitCodes.environment);
    }
  };
  const descriptor = explained(() => openSync(aside, "w"));
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(descriptor);
    isOpen = false;
  };
  return {
    write: (text) => {
      const bytes = Buffer.from(text);
      explained(() => {
        for (let from = 0; from < bytes.byteLength;) from += writeSync(descriptor, bytes, from);
      });
    },
    finish: () =>
      explained(() => {
        fsyncSync(descriptor);
        close();
        renameSync(aside, file);
      }),
    close: () => {
      close();
      rmSync(aside, { force: true });
    },
  };
}
