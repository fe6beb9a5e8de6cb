/** Diagnostics of the command line itself. */

import { diagnosticKind } from "../diagnostic.js";

export const usage = diagnosticKind({
  code: "command/usage",
  severity: "error",
  message: (p: { message: string; hint: string | null }) => p.message,
  hint: (p) => p.hint,
  explain: "The command was called in a way it does not understand; `--help` shows its flags.",
});

export const packageMissing = diagnosticKind({
  code: "command/package-missing",
  severity: "error",
  message: (p: { name: string }) => `the package \`${p.name}\` is not installed`,
  hint: () => "install with `npm ci`; `saic doctor` says what else is missing",
  explain:
    "Training needs native packages, which an interrupted or partial installation leaves out.",
});

export const bug = diagnosticKind({
  code: "command/bug",
  severity: "error",
  message: (p: { message: string; file: string }) => `this is a bug in saic: ${p.message}`,
  hint: (p) => `please report it with the program and \`${p.file}\``,
  explain: "Something that must not happen has happened; nothing in your program is to blame.",
});

export const unreadable = diagnosticKind({
  code: "command/unreadable-file",
  severity: "error",
  message: (p: { file: string; reason: string }) => `cannot read \`${p.file}\`: ${p.reason}`,
  hint: () => "name a `.pipe` file, relative to the working directory",
  explain: "The program's file does not exist or may not be read.",
});

export const unwritable = diagnosticKind({
  code: "command/unwritable",
  severity: "error",
  message: (p: { file: string; reason: string }) => `cannot write \`${p.file}\`: ${p.reason}`,
  explain: "The folder does not exist, may not be written, or the disk is full.",
});

export const foreignFolder = diagnosticKind({
  code: "command/foreign-folder",
  severity: "error",
  message: (p: { folder: string }) => `\`${p.folder}\` holds something else than an artifact`,
  hint: () => "name a new or empty folder, or one that `saic compile` wrote",
  explain:
    "An artifact replaces its folder as a whole; a folder without `plan.json` would lose its files.",
});

export const occupiedFolder = diagnosticKind({
  code: "command/folder-not-empty",
  severity: "error",
  message: (p: { folder: string }) => `\`${p.folder}\` is not empty`,
  hint: () => "name a new or empty folder",
  explain: "A new project is written into a new or empty folder only, so that nothing is replaced.",
});
