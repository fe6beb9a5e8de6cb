/** Every command, in the order in which help lists them. */

import type { Command } from "commander";
import { check } from "./check.js";
import { compile } from "./compile.js";
import { doctor } from "./doctor.js";
import { run } from "./run.js";
import { show } from "./show.js";

/** Adds a command to the program; `argv` is what the user wrote, for flags that depend on it. */
export type CommandDefinition = (program: Command, argv: readonly string[]) => void;

export const commands: readonly CommandDefinition[] = [check, run, compile, show, doctor];
