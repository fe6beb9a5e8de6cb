/** Compiles the project for tests that start threads and processes, which load JavaScript only. */

import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Emits `dist/` unless it is newer than every source: other tests may be running from it. Type
 * errors elsewhere do not keep the compiler from emitting.
 */
export function build(): void {
  if (isBuilt()) return;
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const { error } = spawnSync(process.execPath, [compiler, "-p", "tsconfig.build.json"], {
    cwd: root,
  });
  if (error !== undefined) throw error;
}

function isBuilt(): boolean {
  const built = statSync(join(root, "dist/cli/main.js"), { throwIfNoEntry: false });
  const newest = ["grammar", "compiler", "runtime", "cli"].map((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .reduce((time, file) => Math.max(time, statSync(join(root, folder, file)).mtimeMs), 0),
  );
  return built !== undefined && built.mtimeMs > Math.max(...newest);
}
