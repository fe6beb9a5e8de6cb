/** Where a module's compiled form is: threads and processes cannot load TypeScript. */

import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/**
 * The URL of `specifier` (`./worker.js`) seen from the module `from` (its `import.meta.url`). In
 * compiled code that is the neighbor itself; from a `.ts` source it is the file under `dist/`.
 */
export function compiledModule(from: string, specifier: string): URL {
  if (!from.endsWith(".ts")) return new URL(specifier, from);
  const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
  const target = resolve(dirname(fileURLToPath(from)), specifier);
  return pathToFileURL(join(root, "dist", relative(root, target)));
}
