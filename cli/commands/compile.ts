/** `saic compile`: a program to its artifact, ONNX graphs and a plan. */

import { join } from "node:path";
import { Option } from "commander";
import { exitCodes } from "../../runtime/fault.js";
import { compileProgram, writeArtifact } from "../artifact-files.js";
import { addProgramFlags, type ProgramFlags } from "../program-flags.js";
import type { CommandDefinition } from "./index.js";

interface CompileFlags extends ProgramFlags {
  readonly format: "text" | "json";
  readonly out?: string;
}

export const compile: CommandDefinition = (program, argv) => {
  addProgramFlags(program.command("compile"), argv)
    .description("write a program's ONNX graphs and plan")
    .option("--out <folder>", "where to write (default: build/<train>)")
    .addOption(
      new Option("--format <format>", "how to print the result")
        .choices(["text", "json"])
        .default("text"),
    )
    .action((file: string, flags: CompileFlags) => {
      const artifact = compileProgram(file, flags);
      if (artifact === null) {
        process.exitCode = exitCodes.findings;
        return;
      }
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
