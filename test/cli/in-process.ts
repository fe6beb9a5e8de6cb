/** Runs the command within the test, for what needs no process of its own: starting one takes longer than most commands. */

import { Command, CommanderError } from "commander";
import { commands } from "../../cli/commands/index.js";
import { reportFailure, usageOf } from "../../cli/fail.js";

export interface Called {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Paths are relative to the test's working directory, so they are given whole. */
export async function call(...args: readonly string[]): Promise<Called> {
  const program = new Command("saic")
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  for (const define of commands) define(program, args);
  const { stdout, stderr } = process;
  const [out, err] = [captured(stdout), captured(stderr)];
  const before = process.exitCode;
  process.exitCode = 0;
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    process.exitCode = reportFailure(error instanceof CommanderError ? usageOf(error) : error);
  } finally {
    out.end();
    err.end();
  }
  const code = Number(process.exitCode);
  process.exitCode = before;
  return { code, stdout: out.text(), stderr: err.text() };
}

function captured(stream: NodeJS.WriteStream): { text: () => string; end: () => void } {
  const written: string[] = [];
  const { write } = stream;
  stream.write = (text: string | Uint8Array) => written.push(String(text)) > 0;
  return {
    text: () => written.join(""),
    end: () => {
      stream.write = write;
    },
  };
}
