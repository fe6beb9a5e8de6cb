/** How a command ends: diagnostics on stderr, the documented exit code, never a stack trace. */

import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diagnose, type Diagnostic } from "../grammar/diagnostic.js";
import * as command from "../grammar/diagnostics/command.js";
import { renderDiagnostic } from "../grammar/render.js";
import { type ExitCode, exitCodes, Fault } from "../runtime/fault.js";

export const usage = (message: string, hint: string | null = null): Fault =>
  new Fault(diagnose(command.usage, { message, hint }, null), exitCodes.environment);

export function printDiagnostics(diagnostics: readonly Diagnostic[]): void {
  const color = process.stderr.isTTY && process.env["NO_COLOR"] === undefined ? "always" : "never";
  for (const diagnostic of diagnostics)
    process.stderr.write(`${renderDiagnostic(diagnostic, { color })}\n`);
}

/** Prints what stopped a command and gives its exit code. Anything but a `Fault` is our bug. */
export function reportFailure(error: unknown): ExitCode {
  if (error instanceof Fault) {
    printDiagnostics([error.diagnostic]);
    return error.exitCode;
  }
  const file = join(tmpdir(), `saic-crash-${process.pid}.txt`);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  try {
    writeFileSync(file, `${text}\n`);
  } catch {
    // The report below still says what happened.
  }
  const message = error instanceof Error ? error.message.split("\n")[0] : String(error);
  printDiagnostics([diagnose(command.bug, { message: message ?? "", file }, null)]);
  return exitCodes.bug;
}
