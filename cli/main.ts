#!/usr/bin/env node
/** The command line: parses flags, runs one command, ends with its exit code. */

import { Command, CommanderError } from "commander";
import { compilerVersion } from "../compiler/version.js";
import { exitCodes } from "../runtime/fault.js";
import { commands } from "./commands/index.js";
import { reportFailure } from "./fail.js";

const argv = process.argv.slice(2);

// A reader that stops early, such as `head`, is no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
  throw error;
});

async function main(): Promise<void> {
  const program = new Command("saic")
    .description("compiles and runs training pipelines")
    .version(compilerVersion)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeErr: (text) => process.stderr.write(text) });
  try {
    for (const define of commands) define(program, argv);
    for (const command of program.commands) command.exitOverride();
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    process.exitCode =
      error instanceof CommanderError
        ? error.exitCode === 0
          ? exitCodes.success
          : exitCodes.environment
        : reportFailure(error);
  }
}

await main();
