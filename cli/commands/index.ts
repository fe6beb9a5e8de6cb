/** Every command, in the order in which help lists them. */

import type { Command } from "commander";
import { check } from "./check.js";
import { compile } from "./compile.js";
import { data } from "./data.js";
import { doctor } from "./doctor.js";
import { evaluateCommand } from "./eval.js";
import { explain } from "./explain.js";
import { exportCommand } from "./export.js";
import { fmt } from "./fmt.js";
import { init } from "./init.js";
import { lint } from "./lint.js";
import { ops } from "./ops.js";
import { predictCommand } from "./predict.js";
import { run } from "./run.js";
import { runs } from "./runs.js";
import { show } from "./show.js";
import { verifyResume } from "./verify-resume.js";

/** Adds a command to the program; `argv` is what the user wrote, for flags that depend on it. */
export type CommandDefinition = (program: Command, argv: readonly string[]) => void;

export const commands: readonly CommandDefinition[] = [
  init,
  check,
  lint,
  run,
  evaluateCommand,
  predictCommand,
  exportCommand,
  runs,
  data,
  verifyResume,
  compile,
  show,
  fmt,
  explain,
  ops,
  doctor,
];
