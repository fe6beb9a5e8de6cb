/** Every command, in the order in which help lists them. */

import type { Command } from "commander";
import { check } from "./check.js";
import { compile } from "./compile.js";
import { doctor } from "./doctor.js";
import { explain } from "./explain.js";
import { fmt } from "./fmt.js";
import { init } from "./init.js";
import { lint } from "./lint.js";
import { ops } from "./ops.js";
import { run } from "./run.js";
import { show } from "./show.js";
import { verifyResume } from "./verify-resume.js";

/** Adds a command to the program; `argv` is what the user wrote, for flags that depend on it. */
export type CommandDefinition = (program: Command, argv: readonly string[]) => void;

export const commands: readonly CommandDefinition[] = [
  init,
  check,
  lint,
  run,
  verifyResume,
  compile,
  show,
  fmt,
  explain,
  ops,
  doctor,
];
