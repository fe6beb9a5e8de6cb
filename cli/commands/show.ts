/** `saic show`: what the compiler knows of a program. */

import { Option } from "commander";
import { noTrainIn } from "../../compiler/compile.js";
import { invariant } from "../../grammar/invariant.js";
import { exitCodes } from "../../runtime/fault.js";
import { printDiagnostics } from "../fail.js";
import { addProgramFlags, formatOption, openProgram, type ProgramFlags } from "../program-flags.js";
import type { CommandDefinition } from "./index.js";
import { subjects } from "./show/subjects.js";

interface ShowFlags extends ProgramFlags {
  readonly format: "text" | "json";
  readonly what: string;
}

export const show: CommandDefinition = (program, argv) => {
  addProgramFlags(program.command("show"), argv, [
    new Option("--what <subject>", "what to show")
      .choices(subjects.map(({ name }) => name))
      .default("params"),
    formatOption("how to print"),
  ])
    .description("show parameters, shapes, graphs, the resolved program or the plan")
    .addHelpText(
      "after",
      `\nSubjects:\n${subjects.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join("\n")}`,
    )
    .action((file: string, flags: ShowFlags) => {
      const { source, analysis, exitCode } = openProgram(file, flags);
      const { diagnostics, lowered } = analysis;
      const missing = lowered === null && exitCode === exitCodes.success;
      printDiagnostics(missing ? [...diagnostics, noTrainIn(source)] : diagnostics);
      if (lowered === null) {
        process.exitCode = missing ? exitCodes.findings : exitCode;
        return;
      }
      const subject = subjects.find(({ name }) => name === flags.what);
      invariant(subject !== undefined, `no subject \`${flags.what}\``);
      const shown = { analysis, lowered };
      const text =
        flags.format === "json"
          ? JSON.stringify(subject.json(shown), null, 2)
          : subject.text(shown);
      process.stdout.write(`${text}\n`);
    });
};
