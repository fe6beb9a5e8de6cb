/** `saic lint`: what is sound in a program and probably not meant. */

import { Option } from "commander";
import { lintProgram } from "../../compiler/lint/lint.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { explainLine } from "../../grammar/render.js";
import { type ExitCode, exitCodes } from "../../runtime/fault.js";
import { printDiagnostics } from "../fail.js";
import { findingsText, type ToolFormat, toolFormats } from "../findings.js";
import { createHost } from "../host.js";
import { addProgramFlags, openProgram, type ProgramFlags } from "../program-flags.js";
import type { CommandDefinition } from "./index.js";

interface LintFlags extends ProgramFlags {
  readonly format: "text" | ToolFormat;
}

export const lint: CommandDefinition = (program, argv) => {
  addProgramFlags(
    program.command("lint"),
    argv,
    [
      new Option("--format <format>", "how to print findings")
        .choices(["text", ...toolFormats])
        .default("text"),
    ],
    { programs: "several" },
  )
    .description("find what is sound and probably not meant: unused names, leaks, wrong pairs")
    .action((files: readonly string[], flags: LintFlags) => {
      const linted = files.map((file) => lintFile(file, flags));
      const findings = linted.flatMap((each) => each.findings);
      if (flags.format !== "text") process.stdout.write(findingsText(flags.format, findings));
      else {
        printDiagnostics(findings);
        const more = explainLine(findings);
        if (more !== null) process.stderr.write(`${more}\n`);
        for (const { name, findings: own } of linted)
          process.stdout.write(`${name}: ${summary(own)}\n`);
      }
      // What the command line gets wrong comes before what a program does.
      process.exitCode = Math.max(...linted.map(({ exitCode }) => exitCode));
    });
};

interface Linted {
  readonly name: string;
  /** What is wrong with the program first, then what the rules find in a sound one. */
  readonly findings: readonly Diagnostic[];
  readonly exitCode: ExitCode;
}

function lintFile(file: string, flags: LintFlags): Linted {
  const { source, analysis, exitCode } = openProgram(file, flags);
  const found = lintProgram(analysis, createHost());
  const findings = [...analysis.diagnostics, ...found];
  const isClean = exitCode === exitCodes.success && findings.length === 0;
  return {
    name: source.name,
    findings,
    exitCode: exitCode !== exitCodes.success || isClean ? exitCode : exitCodes.findings,
  };
}

function summary(findings: readonly Diagnostic[]): string {
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const counted = (count: number, noun: string): string =>
    `${count} ${noun}${count === 1 ? "" : "s"}`;
  if (errors > 0) return `${counted(errors, "error")}; the rules see sound programs only`;
  return findings.length === 0 ? "no findings" : counted(findings.length, "finding");
}
