/** The compiler's view of the file system: modules beside the program and the standard library. */

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { CompilerHost } from "../compiler/host.js";
import { createSource, type SourceFile } from "../grammar/source.js";

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
  };
}

/** A program file under the name its messages use; `null` when it cannot be read. */
export const readProgram = (file: string): SourceFile | null =>
  read(file, displayName(resolve(file)));

/** Relative to the working directory where that is shorter. */
function displayName(file: string): string {
  const name = relative(process.cwd(), file);
  return name.startsWith("..") ? file : name;
}

function read(file: string, name: string): SourceFile | null {
  try {
    return createSource(name, readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}

const listModules = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".pipe"))
    .map((file) => file.slice(0, -".pipe".length).replaceAll("\\", "/"))
    .toSorted();
