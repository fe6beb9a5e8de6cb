/** Compiles the project for tests that start threads and processes, which load JavaScript only. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Emits `dist/`; type errors elsewhere do not keep the compiler from emitting. */
export function build(): void {
  const compiler = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
  const { error } = spawnSync(process.execPath, [compiler, "-p", "tsconfig.build.json"], {
    cwd: root,
  });
  if (error !== undefined) throw error;
}
