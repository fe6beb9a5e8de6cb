/** The command line: parses flags, runs one command, ends with its exit code. */

import { Command, CommanderError } from "commander";
import { compilerVersion } from "../compiler/version.js";
import { exitCodes } from "../runtime/fault.js";
import { commands } from "./commands/index.js";
import { failureOf, reportFailure, usageOf } from "./fail.js";
import { findingsText, type ToolFormat, toolFormats } from "./findings.js";

/*
 * Standard output holds the result and nothing else; diagnostics and progress go to standard error.
 * With `--format json` a result is exactly one JSON document. A command that fails has no result
 * and leaves standard output empty. `check` and `lint` are the exceptions, for findings are their
 * result: in the formats for tools they are printed always, and hold the failure too when the check
 * itself could not begin. `fmt` lists the files it changed, with `--check` those it would change.
 *
 * Exit codes:
 *
 *  0  success
 *  1  findings in the program's text
 *  2  the command line or the environment: an unknown flag, a param without a value, a value of
 *     `--lr` or `--set` that is wrong or matches nothing, an unreadable program, a device or a folder that cannot be used
 *  3  an objective is not met, with `--gate` only
 *  4  a guard stopped the training
 *  5  out of memory, predicted or real
 *  6  bad data
 * 70  a bug in saic
 * 75  interrupted; the same command continues
 */

const argv = process.argv.slice(2);

// A reader that stops early, such as `head`, is no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
  throw error;
});
process.on("uncaughtException", (error) => {
  process.exit(reportFailure(error));
});

async function main(): Promise<void> {
  const program = new Command("saic")
    .description("compiles and runs training pipelines")
    .version(compilerVersion)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  try {
    for (const define of commands) define(program, argv);
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    process.exitCode = fail(error);
  }
}

function fail(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.success;
    // Without a command the help has been printed, and that is all there is to say.
    if (error.code === "commander.help") return exitCodes.environment;
    return fail(usageOf(error));
  }
  const format = formatOfFindings();
  if (format === undefined) return reportFailure(error);
  const { diagnostic, exitCode } = failureOf(error);
  process.stdout.write(findingsText(format, [diagnostic]));
  return exitCode;
}

const formatOfFindings = (): ToolFormat | undefined =>
  argv[0] === "check" || argv[0] === "lint"
    ? toolFormats.find(
        (format) =>
          argv.includes(`--format=${format}`) || argv[argv.indexOf("--format") + 1] === format,
      )
    : undefined;

void main();
