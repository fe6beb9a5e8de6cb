/** `saic compile`: a program to its artifact, ONNX graphs and a plan. */

import { join } from "node:path";
import { Option } from "commander";
import type { Functions } from "../../compiler/passes/pass.js";
import { compileProgram, writeArtifact } from "../artifact-files.js";
import { addProgramFlags, formatOption, type ProgramFlags } from "../program-flags.js";
import type { CommandDefinition } from "./index.js";

interface CompileFlags extends ProgramFlags {
  readonly format: "text" | "json";
  readonly out?: string;
  readonly functions: Functions;
}

export const compile: CommandDefinition = (program, argv) => {
  addProgramFlags(program.command("compile"), argv, [
    new Option("--out <folder>", "where to write (default: build/<train>)"),
    new Option("--functions <form>", "coarse ops of training graphs: nodes, or calls of functions")
      .choices(["inline", "keep"])
      .default("inline"),
    formatOption("how to print the result"),
  ])
    .description("write a program's ONNX graphs and plan")
    .action(async (file: string, flags: CompileFlags) => {
      const compiled = await compileProgram(file, flags, { functions: flags.functions });
      if (!compiled.ok) {
        process.exitCode = compiled.exitCode;
        return;
      }
      const { artifact } = compiled;
      const folder = flags.out ?? join("build", artifact.plan.train);
      writeArtifact(artifact, folder);
      const files = [...artifact.files].map(([path, bytes]) => ({ path, bytes: bytes.byteLength }));
      if (flags.format === "json")
        process.stdout.write(`${JSON.stringify({ folder, files }, null, 2)}\n`);
      else {
        process.stdout.write(`${folder}\n`);
        for (const { path, bytes } of files)
          process.stdout.write(
            `  ${path.padEnd(24)} ${(bytes / 1024).toFixed(1).padStart(10)} KiB\n`,
          );
      }
    });
};
