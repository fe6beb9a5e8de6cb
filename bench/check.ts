/** Times `saic check` on a 2,000-line program, warm and cold: `node dist/bench/check.js`. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createHost, packageRoot } from "../cli/host.js";
import { analyze } from "../compiler/compile.js";
import { loadProgram } from "../compiler/modules.js";
import { invariant } from "../grammar/invariant.js";
import { parseModule } from "../grammar/parse.js";
import { createSource } from "../grammar/source.js";
import { longProgram } from "./long-program.js";

/** Milliseconds a warm check of 2,000 lines may take, and a cold one, with the start of Node. */
const goals = { warm: 100, cold: 400 } as const;

/** Checks after which V8 has optimized what it will: those of a minute in an editor. */
const warmUps = 25;

function main(): void {
  const { values } = parseArgs({
    options: {
      lines: { type: "string", default: "2000" },
      runs: { type: "string", default: "15" },
    },
  });
  const text = longProgram(Number(values.lines));
  const runs = Number(values.runs);
  console.log(`${cpus()[0]?.model ?? "unknown processor"}, ${text.split("\n").length} lines`);
  console.log(`median ms of a process after ${warmUps} checks, in parts:`);
  const warm = warmTimes(text, runs);
  for (const [part, ms] of warm) console.log(`  ${part.padEnd(58)}${ms.toFixed(1).padStart(8)}`);
  const cold = coldTimes(text, Math.min(runs, 9));
  for (const [part, ms] of cold) console.log(`${part.padEnd(60)}${ms.toFixed(1).padStart(8)}`);
  const checked = warm.get("check: all of it") ?? NaN;
  const started = cold.get("a cold `saic check`") ?? NaN;
  console.log(
    `goal over measured: warm ${(goals.warm / checked).toFixed(2)}, cold ${(goals.cold / started).toFixed(2)}`,
  );
}

/** Medians by part; each part contains the ones before it, as an editor meets them. */
function warmTimes(text: string, runs: number): ReadonlyMap<string, number> {
  const host = createHost();
  const parts: Readonly<Record<string, (name: string) => unknown>> = {
    "parse: the module's own text": (name) => parseModule(createSource(name, text)),
    "resolve: parse, imports, names of declarations": (name) =>
      loadProgram(createSource(name, text), host),
    "check: all of it": (name) => {
      const source = createSource(name, text);
      const options = { overrides: [], train: null, purpose: "check" } as const;
      const { diagnostics, train } = analyze(source, host, options);
      invariant(train !== null && diagnostics.length === 0, "the long program is sound");
    },
  };
  return new Map(
    Object.entries(parts).map(([part, work]) => {
      const times = Array.from({ length: runs + warmUps }, (_, i) =>
        timed(() => work(`${i}.pipe`)),
      );
      return [part, median(times.slice(warmUps))];
    }),
  );
}

/** The command as users start it, beside the same with nothing to check and Node by itself. */
function coldTimes(text: string, runs: number): ReadonlyMap<string, number> {
  const folder = mkdtempSync(join(tmpdir(), "saic-bench-"));
  try {
    const file = join(folder, "long.pipe");
    const empty = join(folder, "empty.pipe");
    writeFileSync(file, text);
    writeFileSync(empty, "const A = 1\n");
    const command = join(packageRoot, "dist", "cli", "main.js");
    const times = (args: readonly string[]): number =>
      median(Array.from({ length: runs }, () => timed(() => finished(args))));
    return new Map([
      ["a cold `saic check`", times([command, "check", file])],
      ["  of which starting Node", times(["-e", "0"])],
      [
        "  of which starting Node and the command, one line checked",
        times([command, "check", empty]),
      ],
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function finished(args: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  invariant(status === 0, stderr);
}

function timed(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

main();
