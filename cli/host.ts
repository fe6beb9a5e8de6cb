/** The compiler's view of the file system: modules beside the program and the standard library. */

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { CompilerHost } from "../compiler/host.js";
import { createSource, type SourceFile } from "../grammar/source.js";
import { describeData } from "../runtime/data/describe/describe-data.js";

/** The installed package's folder: the nearest one above this file that holds `stdlib/`. */
export const packageRoot: string = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "stdlib", "layers.pipe")) && dirname(folder) !== folder)
    folder = dirname(folder);
  return folder;
})();

const library = join(packageRoot, "stdlib");

/** `saic:` modules come from the library, others from beside the importing file. */
export function createHost(): CompilerHost {
  return {
    libraryModules: listModules(library).map((file) => `saic:${file}`),
    readModule(specifier, from) {
      if (specifier.startsWith("saic:")) {
        const file = join(library, `${specifier.slice("saic:".length)}.pipe`);
        return isAbsolute(relative(library, file)) || relative(library, file).startsWith("..")
          ? null
          : read(file, specifier);
      }
      if (from.startsWith("saic:")) return null;
      const file = resolve(dirname(from), specifier);
      return read(file, displayName(file));
    },
    resolvePath: (path, from) => resolve(from.startsWith("saic:") ? "." : dirname(from), path),
    sha256: (text) => createHash("sha256").update(text).digest("hex"),
    describeData,
  };
}

export type ProgramFile =
  | { readonly ok: true; readonly source: SourceFile }
  | { readonly ok: false; readonly reason: string };

const opened = new Map<string, SourceFile>();

/** The same text is the same source, which is parsed once: a check meets modules that others met before. */
function sourceOf(name: string, file: string): SourceFile {
  const text = readFileSync(file, "utf8");
  const known = opened.get(name);
  const source = known?.text === text ? known : createSource(name, text);
  opened.set(name, source);
  return source;
}

/** A program file under the name its messages use, or why it cannot be read. */
export function openProgramFile(file: string): ProgramFile {
  try {
    return { ok: true, source: sourceOf(displayName(resolve(file)), file) };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    return { ok: false, reason: reasons.get(code) ?? code };
  }
}

/** A program file, or `null` when it cannot be read. */
export function readProgram(file: string): SourceFile | null {
  const opened = openProgramFile(file);
  return opened.ok ? opened.source : null;
}

const reasons = new Map([
  ["ENOENT", "it does not exist"],
  ["ENOTDIR", "it does not exist"],
  ["EISDIR", "it is a folder"],
  ["EACCES", "permission is denied"],
  ["EPERM", "permission is denied"],
]);

/** The path as messages show it: relative to the working directory when it lies below. */
export function displayName(file: string): string {
  const name = relative(process.cwd(), file);
  return name.startsWith("..") ? file : name;
}

function read(file: string, name: string): SourceFile | null {
  try {
    return sourceOf(name, file);
  } catch {
    return null;
  }
}

const listModules = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".pipe"))
    .map((file) => file.slice(0, -".pipe".length).replaceAll("\\", "/"))
    .toSorted();
