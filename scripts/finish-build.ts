/**
 * What the compiler of TypeScript leaves to do: the command is bundled into one file, since opening
 * a thousand small ones takes longer than checking a program, and made executable for `npx saic`.
 */

import { chmodSync, cpSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const folder = fileURLToPath(new URL("../cli", import.meta.url));
const bundle = `${folder}.${process.pid}.new`;
await build({
  input: join(folder, "main.js"),
  platform: "node",
  logLevel: "warn",
  // Packages with native parts find them from their own folder; the other halves load when used.
  external: ["onnxruntime-node", "sharp", "koffi"],
  // What only one command needs is a chunk of its own, which loads when that command asks for it.
  output: { dir: bundle, format: "esm", chunkFileNames: "chunks/[name].js" },
});
chmodSync(join(bundle, "main.js"), 0o755);
cpSync(join(bundle, "chunks"), join(folder, "chunks"), { recursive: true });
renameSync(join(bundle, "main.js"), join(folder, "main.js"));
rmSync(bundle, { recursive: true });
