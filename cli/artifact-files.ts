/** Compiles a program and writes its artifact: aside first, then renamed into place. */

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Artifact } from "../compiler/artifact.js";
import { noTrainIn } from "../compiler/compile.js";
import type { Functions } from "../compiler/passes/pass.js";
import { diagnose } from "../grammar/diagnostic.js";
import { missingKey } from "../grammar/diagnostics/names.js";
import { foreignFolder, unwritable } from "../grammar/diagnostics/command.js";
import { severalDevices } from "../grammar/diagnostics/placement.js";
import { makeFolders, refusalOf } from "../runtime/atomic-file.js";
import { type ExitCode, exitCodes, Fault } from "../runtime/fault.js";
import { printDiagnostics } from "./fail.js";
import { openProgram, type ProgramFlags } from "./program-flags.js";

export type Compiled =
  | { readonly ok: true; readonly artifact: Artifact }
  | { readonly ok: false; readonly exitCode: ExitCode };

/** Compiles a program after printing its findings, its batches whole or in parts; without an artifact, what the command exits with. */
export async function compileProgram(
  file: string,
  flags: ProgramFlags,
  {
    functions = "inline",
    parts = 1,
  }: { readonly functions?: Functions; readonly parts?: number } = {},
): Promise<Compiled> {
  const { source, analysis, exitCode } = openProgram(file, flags, { parts });
  const { diagnostics, lowered } = analysis;
  // The layout on several devices is part of the artifact; what runs it refuses it.
  const uncarried = analysis.uncarried.filter(({ code }) => code !== severalDevices.code);
  const isSound = diagnostics.every(({ severity }) => severity !== "error");
  if (isSound && uncarried.length > 0) {
    printDiagnostics([...diagnostics, ...uncarried]);
    // A path that the command line is to give.
    const lacks = uncarried.some(({ code }) => code === missingKey.code);
    return { ok: false, exitCode: lacks ? exitCodes.environment : exitCodes.findings };
  }
  if (lowered !== null) {
    // What is said of the program has been said of its whole batches.
    if (parts === 1) printDiagnostics(diagnostics);
    const { emitArtifact } = await import("../compiler/artifact.js");
    return { ok: true, artifact: emitArtifact(lowered, flags.device ?? "cpu", functions) };
  }
  const missing = exitCode === exitCodes.success;
  printDiagnostics(missing ? [...diagnostics, noTrainIn(source)] : diagnostics);
  return { ok: false, exitCode: missing ? exitCodes.findings : exitCode };
}

/**
 * Replaces the folder as a whole: a reader sees the old artifact or the new one. One that is the
 * same already is left alone, for another process may be reading it. Faults with exit code 2 when
 * the folder cannot be written or holds something else than an artifact.
 */
export function writeArtifact(artifact: Artifact, to: string): void {
  const folder = resolve(to);
  if (holds(folder, artifact)) return;
  if (isForeign(folder))
    throw new Fault(diagnose(foreignFolder, { folder: to }, null), exitCodes.environment);
  const aside = `${folder}.${process.pid}.new`;
  const old = `${folder}.${process.pid}.old`;
  explainedWrite(to, aside, () => {
    rmSync(aside, { recursive: true, force: true });
    for (const [path, bytes] of artifact.files) writeSynced(join(aside, path), bytes);
    renameIfThere(folder, old);
    renameSync(aside, folder);
    rmSync(old, { recursive: true, force: true });
  });
}

/** Writes a file aside, waits for the disk, and renames it. */
export function replaceFile(file: string, bytes: Uint8Array): void {
  const aside = `${file}.${process.pid}.new`;
  explainedWrite(file, aside, () => {
    writeSynced(aside, bytes);
    renameSync(aside, file);
  });
}

function explainedWrite(file: string, aside: string, body: () => void): void {
  try {
    body();
  } catch (error) {
    try {
      rmSync(aside, { recursive: true, force: true });
    } catch {
      // What kept the file from being written keeps it from being removed.
    }
    const { code } = error as NodeJS.ErrnoException;
    const reason = refusalOf(error) ?? (code === "EEXIST" ? "a file is in its place" : null);
    if (reason === null) throw error;
    throw new Fault(diagnose(unwritable, { file, reason }, null), exitCodes.environment);
  }
}

function holds(folder: string, artifact: Artifact): boolean {
  try {
    return [...artifact.files].every(([path, bytes]) =>
      readFileSync(join(folder, path)).equals(bytes),
    );
  } catch {
    return false;
  }
}

/** Whether replacing what is there would lose something: a file, or a folder of other things. */
function isForeign(folder: string): boolean {
  try {
    const entries = readdirSync(folder);
    return entries.length > 0 && !entries.includes("plan.json");
  } catch {
    // A file lies there, or nothing does.
    return existsSync(folder);
  }
}

function writeSynced(file: string, bytes: Uint8Array): void {
  makeFolders(dirname(file));
  const descriptor = openSync(file, "w");
  try {
    for (let from = 0; from < bytes.byteLength;)
      from += writeSync(descriptor, bytes, from, bytes.byteLength - from);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
