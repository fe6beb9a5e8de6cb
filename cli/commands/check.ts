/** `saic check`: everything that can be known before the first step. */

import { Option } from "commander";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { explainLine } from "../../grammar/render.js";
import { type ExitCode, exitCodes, Fault } from "../../runtime/fault.js";
import { printDiagnostics, reportFailure, usage } from "../fail.js";
import { findingsText, type ToolFormat, toolFormats } from "../findings.js";
import { addProgramFlags, openProgram, type ProgramFlags } from "../program-flags.js";
import { lookAt, nextChange, watchedFiles } from "../watch.js";
import type { CommandDefinition } from "./index.js";

interface CheckFlags extends ProgramFlags {
  readonly format: "text" | ToolFormat;
  readonly watch?: true;
}

export const check: CommandDefinition = (program, argv) => {
  addProgramFlags(program.command("check"), argv, [
    new Option("--format <format>", "how to print findings")
      .choices(["text", ...toolFormats])
      .default("text"),
    new Option("--watch", "check again whenever the program or a module it imports changes"),
  ])
    .description("check a program: names, types, shapes, losses")
    .action(async (file: string, flags: CheckFlags) => {
      if (flags.watch !== true) process.exitCode = checkOnce(file, flags);
      else if (flags.format === "text") await watch(file, flags);
      else throw usage("`--watch` prints text only", "leave `--format` out");
    });
};

function checkOnce(file: string, flags: CheckFlags): ExitCode {
  const { source, analysis, exitCode } = openProgram(file, flags, {
    variants: "all",
    purpose: "check",
  });
  // What cannot be executed is sound: it warns here and stops what compiles or runs.
  const unexecuted = analysis.uncarried.map((each): Diagnostic => ({
    ...each,
    severity: "warning",
  }));
  const diagnostics = [...analysis.diagnostics, ...unexecuted];
  if (flags.format !== "text") {
    process.stdout.write(findingsText(flags.format, diagnostics));
    return exitCode;
  }
  printDiagnostics(diagnostics);
  const more = explainLine(diagnostics);
  if (more !== null) process.stderr.write(`${more}\n`);
  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  process.stdout.write(`${source.name}: ${summary(errors, diagnostics.length - errors)}\n`);
  return exitCode;
}

/** Checks until interrupted, which is how a watch ends well. */
async function watch(file: string, flags: CheckFlags): Promise<void> {
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once("SIGINT", interrupt);
  try {
    for (let state = "changed"; state === "changed";) {
      const look = lookAt(file);
      checkWhatIsThere(file, flags);
      process.stderr.write(`watching ${watchedFiles(look)}; interrupt to end\n`);
      state = await nextChange(look, stop.signal);
    }
    process.exitCode = exitCodes.success;
  } finally {
    process.off("SIGINT", interrupt);
  }
}

/** A program that cannot be read for now is reported, and waited for. */
function checkWhatIsThere(file: string, flags: CheckFlags): void {
  try {
    checkOnce(file, flags);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    reportFailure(error);
  }
}

const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? "" : "s"}`;

const summary = (errors: number, warnings: number): string =>
  errors + warnings === 0
    ? "no findings"
    : [errors > 0 ? counted(errors, "error") : "", warnings > 0 ? counted(warnings, "warning") : ""]
        .filter((part) => part !== "")
        .join(", ");
