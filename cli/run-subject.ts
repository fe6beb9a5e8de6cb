/** What commands on a finished run are given: its directory, or the program with the flags it ran with. */

import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { diagnose } from "../grammar/diagnostic.js";
import { neverRun } from "../grammar/diagnostics/use.js";
import { exitCodes, Fault } from "../runtime/fault.js";
import type { OpenedRun } from "../runtime/use/open-run.js";
import { compileProgram, writeArtifact } from "./artifact-files.js";
import { usage } from "./fail.js";
import { displayName } from "./host.js";
import { artifactFolder } from "../runtime/artifact-folder.js";
import { addProgramFlags, type ProgramFlags } from "./program-flags.js";

/** Beside the flags of a program, where its runs are. */
export interface SubjectFlags extends ProgramFlags {
  readonly runsDir: string;
}

/**
 * Adds the argument `<run>` and the flags that a program has, those of its params where `argv`
 * names a `.pipe` file.
 */
export function addSubject(
  command: Command,
  argv: readonly string[],
  own: readonly Option[],
): Command {
  const isProgram = argv.some((argument) => argument.endsWith(".pipe"));
  return addProgramFlags(
    command,
    isProgram ? argv : [],
    [new Option("--runs-dir <folder>", "where the program's runs are").default("runs"), ...own],
    { programs: "run" },
  );
}

export type Subject =
  | { readonly ok: true; readonly run: OpenedRun }
  | { readonly ok: false; readonly exitCode: number };

/**
 * The run of a directory, or of a program as its flags say; what is wrong with the program has
 * been printed. Faults with exit code 2 where there is no such run.
 */
export async function openSubject(subject: string, flags: SubjectFlags): Promise<Subject> {
  // Opening a run loads what reads checkpoints; a program that does not compile needs none of it.
  const { openRun } = await import("../runtime/use/open-run.js");
  if (!subject.endsWith(".pipe")) {
    const given = programFlags(flags);
    if (given !== null)
      throw usage(
        `\`--${given}\` belongs to a program, and \`${subject}\` is a run`,
        "a run has the values that it was started with",
      );
    return { ok: true, run: openRun(subject) };
  }
  const compiled = await compileProgram(subject, flags);
  if (!compiled.ok) return compiled;
  const { plan } = compiled.artifact;
  const folder = join(flags.runsDir, plan.train, plan.hash.slice(0, 16));
  if (!existsSync(join(folder, "plan.json")))
    throw new Fault(
      diagnose(neverRun, { program: subject, folder: displayName(resolve(folder)) }, null),
      exitCodes.environment,
    );
  // The run's own graphs are kept: another process may be reading them.
  const artifact = artifactFolder(dirname(folder), plan);
  if (!existsSync(artifact)) writeArtifact(compiled.artifact, artifact);
  return { ok: true, run: openRun(folder) };
}

/** A flag that changes the program, where one is given. */
function programFlags(flags: ProgramFlags): string | null {
  const names = ["set", "variant", "train", "seed", "steps", "epochs"] as const;
  return names.find((name) => flags[name] !== undefined) ?? null;
}
