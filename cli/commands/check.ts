/** `saic check`: everything that can be known before the first step. */

import { diagnosticJson } from "../../grammar/render.js";
import { printDiagnostics } from "../fail.js";
import { addProgramFlags, formatOption, openProgram, type ProgramFlags } from "../program-flags.js";
import type { CommandDefinition } from "./index.js";

export const check: CommandDefinition = (program, argv) => {
  addProgramFlags(program.command("check"), argv, [formatOption("how to print findings")])
    .description("check a program: names, types, shapes, losses")
    .action((file: string, flags: ProgramFlags & { readonly format: "text" | "json" }) => {
      const { source, analysis, exitCode } = openProgram(file, flags);
      const { diagnostics } = analysis;
      const errors = diagnostics.filter(({ severity }) => severity === "error").length;
      if (flags.format === "json")
        process.stdout.write(`${JSON.stringify(diagnostics.map(diagnosticJson), null, 2)}\n`);
      else {
        printDiagnostics(diagnostics);
        const warnings = diagnostics.length - errors;
        process.stdout.write(`${source.name}: ${summary(errors, warnings)}\n`);
      }
      process.exitCode = exitCode;
    });
};

const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? "" : "s"}`;

const summary = (errors: number, warnings: number): string =>
  errors + warnings === 0
    ? "no findings"
    : [errors > 0 ? counted(errors, "error") : "", warnings > 0 ? counted(warnings, "warning") : ""]
        .filter((part) => part !== "")
        .join(", ");
