/** A copy of the project in a temporary folder, where faults can be made and tests run. */

import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../tidy/sources.js";
import type { Mutant } from "./table.js";

/** What the tests need; packages are linked. */
const copied = ["grammar", "compiler", "runtime", "cli", "stdlib", "test", "pipelines"];
const files = ["package.json", "tsconfig.json", "vitest.config.ts"];

/** The numbers of tests that ran in a copy. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  /** What vitest printed, for when nothing ran. */
  readonly output: string;
}

export interface Workshop {
  /** Runs tests of one file, or several, whose full names match. */
  readonly test: (files: readonly string[], named: RegExp) => Promise<Outcome>;
  /** Makes the fault, runs its tests and mends it. */
  readonly testMutant: (mutant: Mutant) => Promise<Outcome>;
  readonly remove: () => void;
}

/** Copies the project, never to be touched itself. */
export function openWorkshop(): Workshop {
  const folder = mkdtempSync(join(tmpdir(), "saic-mutants-"));
  for (const name of [...copied, ...files])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const test: Workshop["test"] = (paths, named) => runVitest(folder, paths, named);
  return {
    test,
    testMutant: async (mutant) => {
      const file = join(folder, mutant.file);
      const text = readFileSync(file, "utf8");
      writeFileSync(file, mutated(text, mutant));
      try {
        return await test([mutant.test], startingWith(mutant.named));
      } finally {
        writeFileSync(file, text);
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The text with the fault in it; an error unless the place is there exactly once. */
export function mutated(text: string, { file, before, after }: Mutant): string {
  const places = text.split(before).length - 1;
  if (places !== 1) throw new Error(`${file} has \`${before}\` ${places} times, not once`);
  return text.replace(before, () => after);
}

/** Full names that begin with one of these. */
export const startingWith = (...names: readonly string[]): RegExp =>
  new RegExp(
    `^(?:${names.map((name) => name.replaceAll(/[.*+?^${}()|[\]\\]/gu, "\\$&")).join("|")})`,
    "u",
  );

async function runVitest(
  folder: string,
  paths: readonly string[],
  named: RegExp,
): Promise<Outcome> {
  const report = join(folder, "report.json");
  rmSync(report, { force: true });
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const flags = ["--reporter=json", `--outputFile=${report}`, "--maxWorkers=1", "--cache=false"];
  // A vitest inside of a vitest must not take itself for one of its workers.
  const environment = Object.entries(process.env).filter(([name]) => !/^VITEST|^TEST$/u.test(name));
  const child = spawn(
    process.execPath,
    [vitest, "run", ...paths, `--testNamePattern=${named.source}`, ...flags],
    { cwd: folder, env: Object.fromEntries(environment), stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (piece: string) => (output += piece));
  await new Promise((resolve, reject) => child.on("close", resolve).on("error", reject));
  return { ...countsIn(report), output };
}

function countsIn(report: string): { readonly passed: number; readonly failed: number } {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, "utf8"));
    return { passed: Number(numPassedTests), failed: Number(numFailedTests) };
  } catch {
    return { passed: 0, failed: 0 };
  }
}
