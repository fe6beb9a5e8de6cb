/** Files that are whole or absent: written aside, synced to the disk, renamed. */

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { diagnose } from "../grammar/diagnostic.js";
import { cannotWrite } from "../grammar/diagnostics/run.js";
import { exitCodes, Fault } from "./fault.js";

/** Told before every single file operation; a test throws here to stand for a kill. */
export type FileHook = (operation: string, path: string) => void;

/** The file operations that a run directory is made with. */
export interface Files {
  /** Creates a folder and those above it. */
  readonly makeFolder: (path: string) => void;
  /** Writes a new file (or a torn one anew) in pieces and syncs it; not atomic by itself. */
  readonly writeSynced: (path: string, pieces: Iterable<Uint8Array>) => void;
  /** Replaces a file in one instant. */
  readonly publish: (path: string, content: string | Uint8Array) => void;
  /** Renames a file or folder and syncs the folder that holds the new name. */
  readonly move: (from: string, to: string) => void;
  /** Points a symbolic link at `target` (relative to the link) in one instant. */
  readonly link: (path: string, target: string) => void;
  readonly syncFolder: (path: string) => void;
  /** Removes a file, link or whole folder, if present. */
  readonly remove: (path: string) => void;
}

/** Large pieces are written in parts, so that a kill between parts can be tested too. */
const partBytes = 64 * 2 ** 20;

/** The real files. A full or read-only disk is a fault that names the path. */
export function createFiles(hook: FileHook = () => undefined): Files {
  const act = <T>(operation: string, path: string, body: () => T): T => {
    hook(operation, path);
    return explained(path, body);
  };
  const files: Files = {
    makeFolder: (path) => {
      act("mkdir", path, () => makeFolders(path));
    },
    writeSynced: (path, pieces) => {
      const descriptor = act("create", path, () => openSync(path, "w"));
      try {
        for (const piece of pieces)
          for (let from = 0; from < piece.byteLength; from += partBytes)
            act("write", path, () => writeAll(descriptor, piece.subarray(from, from + partBytes)));
        act("fsync", path, () => fsyncSync(descriptor));
      } finally {
        closeSync(descriptor);
      }
    },
    publish: (path, content) => {
      const aside = `${path}.tmp`;
      files.writeSynced(aside, [typeof content === "string" ? Buffer.from(content) : content]);
      files.move(aside, path);
    },
    move: (from, to) => {
      act("rename", to, () => renameSync(from, to));
      files.syncFolder(dirname(to));
    },
    link: (path, target) => {
      const aside = `${path}.tmp`;
      files.remove(aside);
      act("symlink", aside, () => symlinkSync(target, aside));
      files.move(aside, path);
    },
    syncFolder: (path) => {
      act("fsync folder", path, () => {
        const descriptor = openSync(path, "r");
        try {
          fsyncSync(descriptor);
        } finally {
          closeSync(descriptor);
        }
      });
    },
    remove: (path) => {
      act("remove", path, () => rmSync(path, { recursive: true, force: true }));
    },
  };
  return files;
}

/**
 * Creates a folder and those above it, if absent. Node's own recursive form never returns where the
 * system says at every level that there is no such folder: in one that was removed, or below `/proc`.
 */
export function makeFolders(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "EEXIST" && statSync(path).isDirectory()) return;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    makeFolders(dirname(path));
    makeFolder(path);
  }
}

/** Another process may have made it in the meantime. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
}

/** The system's refusal in words, or `null` when the error is none. */
export function refusalOf(error: unknown): string | null {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return refusals.get(code) ?? null;
}

/** Runs a file operation; a refusal of the system becomes a fault with exit code 2. */
export function explained<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    const reason = refusalOf(error);
    if (reason === null) throw error;
    throw new Fault(diagnose(cannotWrite, { path, reason }, null), exitCodes.environment);
  }
}

const refusals = new Map([
  ["ENOSPC", "no space is left on the disk"],
  ["EDQUOT", "the disk quota is used up"],
  ["EROFS", "the file system is read-only"],
  ["EACCES", "permission is denied"],
  ["EPERM", "the operation is not permitted"],
  ["ENOTDIR", "a part of its path is a file, not a folder"],
  ["ENOENT", "its folder does not exist"],
  ["ENAMETOOLONG", "its name is too long"],
  ["EIO", "the disk reports an error"],
]);

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let from = 0; from < bytes.byteLength;)
    from += writeSync(descriptor, bytes, from, bytes.byteLength - from);
}
