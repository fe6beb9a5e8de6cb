/** Compiles the project for tests that start threads and processes, which load JavaScript only. */

import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Emits `dist/` as `npm run build` does, unless it is newer than every source: other tests may be
 * running from it. Type errors elsewhere do not keep the compiler from emitting.
 */
export function build(): void {
  if (isBuilt()) return;
  run(join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json");
  run(join(root, "dist/scripts/finish-build.js"));
}

function run(...args: readonly string[]): void {
  const { error } = spawnSync(process.execPath, args, { cwd: root });
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
