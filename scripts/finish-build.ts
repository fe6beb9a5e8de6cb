/**
 * What the compiler of TypeScript leaves to do: the command is bundled into one file, since opening
 * a thousand small ones takes longer than checking a program, and made executable for `npx saic`.
 */

import { chmodSync, renameSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const command = fileURLToPath(new URL("../cli/main.js", import.meta.url));
const bundle = `${command}.${process.pid}.new`;
await build({
  input: command,
  platform: "node",
  logLevel: "warn",
  // Packages with native parts find them from their own folder; the other halves load when used.
  external: ["onnxruntime-node", "sharp", "koffi"],
  output: { file: bundle, format: "esm", codeSplitting: false },
});
chmodSync(bundle, 0o755);
renameSync(bundle, command);
