/** How a command ends: diagnostics on stderr, the documented exit code, never a stack trace. */

import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommanderError } from "commander";
import { diagnose, type Diagnostic } from "../grammar/diagnostic.js";
import * as command from "../grammar/diagnostics/command.js";
import { renderDiagnostic } from "../grammar/render.js";
import { type ExitCode, exitCodes, Fault } from "../runtime/fault.js";

/** A fault of the command line, with exit code 2. */
export const usage = (message: string, hint: string | null = null): Fault =>
  new Fault(diagnose(command.usage, { message, hint }, null), exitCodes.environment);

/** What the parser of the command line rejects, in our words: names in backticks, a hint apart. */
export function usageOf(error: CommanderError): Fault {
  const [first = "", ...rest] = error.message.replace(/^error: /u, "").split("\n");
  const [problem, ...remark] = first.split(/(?<=\S)\. (?=[A-Z])/u);
  const hints = [...remark, ...rest.map((line) => line.replace(/^\((.*)\)$/u, "$1"))]
    .map((hint) => `${hint.charAt(0).toLowerCase()}${hint.slice(1)}`.replace(/\.$/u, ""))
    .map((hint) => hint.replaceAll(/(?<=\s)-{0,2}[\w-]+(?=\?)/gu, "`$&`"));
  const message = (problem ?? first).replaceAll(/'([^']*)'/gu, "`$1`").replace(/\.$/u, "");
  return usage(message, hints.length === 0 ? null : hints.join("; "));
}

/** Renders diagnostics on stderr, in color on a terminal unless `NO_COLOR` is set. */
export function printDiagnostics(diagnostics: readonly Diagnostic[]): void {
  const color = process.stderr.isTTY && process.env["NO_COLOR"] === undefined ? "always" : "never";
  for (const diagnostic of diagnostics)
    process.stderr.write(`${renderDiagnostic(diagnostic, { color })}\n`);
}

/** What stopped a command, as a diagnostic and an exit code. */
export interface Failure {
  readonly diagnostic: Diagnostic;
  readonly exitCode: ExitCode;
}

/**
 * The failure that a thrown value stands for. Anything but a `Fault` and a package that is not
 * installed is our bug: its stack goes to a file of the temporary folder, and the diagnostic says
 * where.
 */
export function failureOf(error: unknown): Failure {
  if (error instanceof Fault) return error;
  const missing = error instanceof Error ? missingPackage.exec(error.message)?.[1] : undefined;
  if (missing !== undefined)
    return {
      diagnostic: diagnose(command.packageMissing, { name: missing }, null),
      exitCode: exitCodes.environment,
    };
  const file = join(tmpdir(), `saic-crash-${process.pid}.txt`);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  try {
    writeFileSync(file, `${text}\n`);
  } catch {
    // The diagnostic still says what happened.
  }
  const message = error instanceof Error ? error.message.split("\n")[0] : String(error);
  return {
    diagnostic: diagnose(command.bug, { message: message ?? "", file }, null),
    exitCode: exitCodes.bug,
  };
}

/** Node's words, in this process or as the training process hands them on. */
const missingPackage = /\bCannot find package '([^']+)'/u;

/** Prints what stopped a command and gives its exit code. */
export function reportFailure(error: unknown): ExitCode {
  const { diagnostic, exitCode } = failureOf(error);
  printDiagnostics([diagnostic]);
  return exitCode;
}
