/**
 * What the compiler of TypeScript leaves to do: the command is bundled into one file, since opening
 * a thousand small ones takes longer than checking a program, and `main.js` becomes what starts it.
 */

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
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
  output: {
    dir: bundle,
    format: "cjs",
    entryFileNames: "program.cjs",
    chunkFileNames: "chunks/[name].cjs",
  },
});
cpSync(join(bundle, "chunks"), join(folder, "chunks"), { recursive: true });
for (const file of readdirSync(folder))
  if (file.endsWith(".cache")) rmSync(join(folder, file), { force: true });
// In ASCII, since text of two bytes a character takes V8 longer to read.
const program = readFileSync(join(bundle, "program.cjs"), "utf8");
const escaped = program.replaceAll(
  /[^\0-\x7f]/g,
  (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
);
// Node's own modules that its start has not loaded load when a command first uses them.
const late = "child_process|crypto|stream/consumers|timers/promises|zlib";
const required = new RegExp(`(?<== )require(?=\\("node:(?:${late})"\\);$)`, "gm");
const whenUsed =
  "const whenUsed = (name) => new Proxy({}, { get: (_, key) => require(name)[key] });\n";
const lazy = whenUsed + escaped.replaceAll(required, "whenUsed");
writeFileSync(join(bundle, "program.cjs"), lazy);
renameSync(join(bundle, "program.cjs"), join(folder, "program.cjs"));
copyFileSync(join(folder, "start.js"), join(bundle, "main.js"));
chmodSync(join(bundle, "main.js"), 0o755);
renameSync(join(bundle, "main.js"), join(folder, "main.js"));
rmSync(bundle, { recursive: true });
// The first command after a build would leave out what it did not use.
const example = fileURLToPath(new URL("../../pipelines/quickstart.pipe", import.meta.url));
execFileSync(process.execPath, [join(folder, "main.js"), "check", example], { stdio: "ignore" });
