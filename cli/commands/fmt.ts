/** `saic fmt`: rewrites programs in their canonical form. */

import { accessSync, chmodSync, constants, readFileSync, realpathSync, statSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { Option } from "commander";
import { diagnose, type Diagnostic } from "../../grammar/diagnostic.js";
import { unreadable, unwritable } from "../../grammar/diagnostics/command.js";
import { formatModule } from "../../grammar/format.js";
import { createSource } from "../../grammar/source.js";
import { exitCodes, Fault } from "../../runtime/fault.js";
import { replaceFile } from "../artifact-files.js";
import { printDiagnostics, usage } from "../fail.js";
import { openProgramFile } from "../host.js";
import type { CommandDefinition } from "./index.js";

interface FmtFlags {
  readonly check?: true;
  readonly stdinFilepath?: string;
}

export const fmt: CommandDefinition = (program) => {
  program
    .command("fmt")
    .argument("[files...]", ".pipe files")
    .option("--check", "change nothing; list the files that would change and exit with 1")
    .addOption(
      new Option(
        "--stdin-filepath <name>",
        "format standard input to standard output; the name is used in messages",
      ),
    )
    .description("rewrite programs in their canonical form")
    .action(async (files: readonly string[], flags: FmtFlags) => {
      const texts = await textsOf(files, flags.stdinFilepath ?? null);
      // All is read and formatted before the first file is written.
      const results = texts.map(formatText);
      const diagnostics = results.flatMap((result) => result.diagnostics);
      printDiagnostics(diagnostics);
      const changed = results.filter(({ before, after }) => before !== after);
      if (flags.check !== true && flags.stdinFilepath !== undefined)
        for (const { after } of diagnostics.length > 0 ? [] : results) process.stdout.write(after);
      else
        for (const { name, after } of changed) {
          if (flags.check !== true) rewrite(name, after);
          process.stdout.write(`${name}\n`);
        }
      if (diagnostics.length > 0 || (flags.check === true && changed.length > 0))
        process.exitCode = exitCodes.findings;
    });
};

interface NamedText {
  readonly name: string;
  readonly text: string;
}

async function textsOf(
  files: readonly string[],
  stdinName: string | null,
): Promise<readonly NamedText[]> {
  if (stdinName !== null) {
    if (files.length > 0) throw usage("`--stdin-filepath` and files exclude each other");
    return [decoded(stdinName, await buffer(process.stdin))];
  }
  if (files.length === 0)
    throw usage("`fmt` needs files to format", "name `.pipe` files, or give `--stdin-filepath`");
  return [...new Set(files)].map((file) => {
    const opened = openProgramFile(file);
    if (!opened.ok) throw refusal(file, opened.reason);
    return decoded(file, readFileSync(file));
  });
}

/** Bytes that are no UTF-8 would be lost when the text is written back. */
function decoded(name: string, bytes: Uint8Array): NamedText {
  try {
    return { name, text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    throw refusal(name, "it is not UTF-8 text");
  }
}

const refusal = (file: string, reason: string): Fault =>
  new Fault(diagnose(unreadable, { file, reason }, null), exitCodes.environment);

interface Formatted {
  readonly name: string;
  readonly before: string;
  readonly after: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** The canonical form ends lines with line feeds; a file whose first line ends in CRLF keeps CRLF. */
function formatText({ name, text }: NamedText): Formatted {
  const { text: formatted, diagnostics } = formatModule(createSource(name, text));
  if (diagnostics.length > 0) return { name, before: text, after: text, diagnostics };
  const after = /^[^\n]*\r\n/u.test(text) ? formatted.replaceAll("\n", "\r\n") : formatted;
  return { name, before: text, after, diagnostics };
}

/** A link stays a link and the mode stays as it is; a file that may not be written is left alone. */
function rewrite(name: string, text: string): void {
  const file = realpathSync(name);
  const { mode } = statSync(file);
  try {
    accessSync(file, constants.W_OK);
  } catch {
    const reason = "permission is denied";
    throw new Fault(diagnose(unwritable, { file: name, reason }, null), exitCodes.environment);
  }
  replaceFile(file, new TextEncoder().encode(text));
  chmodSync(file, mode);
}
