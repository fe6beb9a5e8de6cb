/** Waits for a program or a module that it imports to change. */

import { readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseModule } from "../grammar/parse.js";
import { createSource } from "../grammar/source.js";
import { packageRoot } from "./host.js";

/** What files looked like at one moment, by path; a missing file has a look of its own. */
export type Look = ReadonlyMap<string, string>;

const POLL_MS = 100;

/** The program and all that it imports, directly or not, there or missing, as it looks now. */
export function lookAt(program: string): Look {
  const look = new Map<string, string>();
  visit(resolve(program), look);
  return look;
}

function visit(file: string, look: Map<string, string>): void {
  if (look.has(file)) return;
  // Before it is read: a change in between shows at the next look.
  look.set(file, stampOf(file));
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return;
  }
  for (const declaration of parseModule(createSource(file, text)).module.declarations)
    if (declaration.kind === "import") visit(imported(declaration.from.value, file), look);
}

const library = join(packageRoot, "stdlib");

function imported(specifier: string, from: string): string {
  const name = /^saic:(.*)$/u.exec(specifier)?.[1];
  return name === undefined ? resolve(dirname(from), specifier) : join(library, `${name}.pipe`);
}

/** Size, time and identity, so that a file replaced by another is seen as well. */
function stampOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? "missing" : `${found.mtimeNs} ${found.size} ${found.ino}`;
}

const differs = (look: Look): boolean => [...look].some(([file, stamp]) => stampOf(file) !== stamp);

/**
 * Settles once a file differs from `look` and has then been left alone for a moment: `changed`, or
 * `stopped` when `signal` says so. Files are polled, which works on every file system and follows
 * editors that replace a file.
 */
export async function nextChange(look: Look, signal: AbortSignal): Promise<"changed" | "stopped"> {
  try {
    while (!differs(look)) await pause(POLL_MS, undefined, { signal });
    for (;;) {
      const now = new Map([...look.keys()].map((file) => [file, stampOf(file)] as const));
      await pause(POLL_MS, undefined, { signal });
      if (!differs(now)) return "changed";
    }
  } catch (error) {
    if (signal.aborted) return "stopped";
    throw error;
  }
}

/** How many files are watched, in words; the library's are not counted. */
export function watchedFiles(look: Look): string {
  const count = [...look.keys()].filter((file) => relative(library, file).startsWith("..")).length;
  return `${count} file${count === 1 ? "" : "s"}`;
}
