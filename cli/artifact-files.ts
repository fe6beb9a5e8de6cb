/** Compiles a program and writes its artifact: aside first, then renamed into place. */

import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Artifact, emitArtifact, noTrainIn } from "../compiler/compile.js";
import { diagnose } from "../grammar/diagnostic.js";
import { unwritable } from "../grammar/diagnostics/command.js";
import { exitCodes, Fault } from "../runtime/fault.js";
import { printDiagnostics } from "./fail.js";
import { openProgram, type ProgramFlags } from "./program-flags.js";

/** The compiled program, or `null` after its findings have been printed. */
export function compileProgram(file: string, flags: ProgramFlags): Artifact | null {
  const { source, analysis } = openProgram(file, flags);
  const missing =
    analysis.lowered === null && !analysis.diagnostics.some(({ severity }) => severity === "error");
  printDiagnostics(missing ? [...analysis.diagnostics, noTrainIn(source)] : analysis.diagnostics);
  return analysis.lowered === null ? null : emitArtifact(analysis.lowered, flags.device ?? "cpu");
}

/** Replaces the folder as a whole: a reader sees the old artifact or the new one. */
export function writeArtifact(artifact: Artifact, folder: string): void {
  const aside = `${folder}.${process.pid}.new`;
  const old = `${folder}.${process.pid}.old`;
  try {
    rmSync(aside, { recursive: true, force: true });
    for (const [path, bytes] of artifact.files) writeSynced(join(aside, path), bytes);
    renameIfThere(folder, old);
    renameSync(aside, folder);
    rmSync(old, { recursive: true, force: true });
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    throw new Fault(
      diagnose(unwritable, { file: folder, reason: reasonOf(error) }, null),
      exitCodes.environment,
    );
  }
}

/** Writes a file aside, waits for the disk, and renames it. */
export function replaceFile(file: string, bytes: Uint8Array): void {
  const aside = `${file}.${process.pid}.new`;
  try {
    writeSynced(aside, bytes);
    renameSync(aside, file);
  } catch (error) {
    rmSync(aside, { force: true });
    throw new Fault(
      diagnose(unwritable, { file, reason: reasonOf(error) }, null),
      exitCodes.environment,
    );
  }
}

function writeSynced(file: string, bytes: Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true });
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

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
