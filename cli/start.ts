#!/usr/bin/env node
/**
 * Starts the bundled command: what V8 compiled of it at an earlier start is kept beside it, so that
 * reading two megabytes of program is not what a short check waits for.
 */

import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire, Module } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";

/*
 * Most commands end before their functions have paid for being optimized, which V8 would begin
 * after a seventh of this: a check of 2,000 lines then takes 1.6 times as much processor time.
 * Trainings run in a process of their own, which has V8's own settings.
 */
setFlagsFromString("--interrupt-budget=1000000");
// Nor is there time for what a small heap gains: it grows at once, and is not marked beside the work.
setFlagsFromString("--semi-space-growth-factor=16");
setFlagsFromString("--no-incremental-marking");

const folder = dirname(fileURLToPath(import.meta.url));
const file = join(folder, "program.cjs");
const { size, mtimeMs } = statSync(file);
const maker = `${process.version}-${process.arch}`;
const compiled = join(folder, `program-${maker}-${size}-${Math.floor(mtimeMs)}.cache`);

function readCompiled(): Buffer | undefined {
  try {
    return readFileSync(compiled);
  } catch {
    return undefined;
  }
}

/** Keeps what has been compiled. Where the folder is not ours to write in, the next start compiles again. */
function keepCompiled(script: Script): void {
  const aside = `${compiled}.${process.pid}.new`;
  try {
    writeFileSync(aside, script.createCachedData());
    renameSync(aside, compiled);
  } catch {
    rmSync(aside, { force: true });
  }
}

const cachedData = readCompiled();
// The bundle is ASCII.
const script = new Script(Module.wrap(readFileSync(file, "latin1")), {
  filename: file,
  ...(cachedData === undefined ? {} : { cachedData }),
});
// V8 takes only what the same version of it has made.
if (cachedData === undefined || script.cachedDataRejected === true)
  process.on("exit", () => keepCompiled(script));
// The parts that load later ask for what they share with the program: it is there, and runs once.
const require = createRequire(file);
const program = new Module(file);
require.cache[file] = program;
script.runInThisContext()(program.exports, require, program, file, folder);
program.loaded = true;
