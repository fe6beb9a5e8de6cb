/** Where a module's compiled form is: threads and processes cannot load TypeScript. */

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/**
 * The URL of `dist/<path>` in the nearest folder above that has one: the same from a `.ts` source,
 * from its compiled form and from the bundle that the command line is.
 */
export function compiledModule(path: string): URL {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "dist", path)) && dirname(folder) !== folder)
    folder = dirname(folder);
  return pathToFileURL(join(folder, "dist", path));
}
