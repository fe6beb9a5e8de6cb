/** Times the compiler on training graphs, in fresh processes and warm: `node dist/bench/compile.js`. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { createHost, packageRoot, readProgram } from "../cli/host.js";
import { differentiate } from "../compiler/autodiff/differentiate.js";
import { createElaboration, createSession, rootFrame } from "../compiler/check/elaboration.js";
import { checkTrain } from "../compiler/check/train.js";
import { emitArtifact } from "../compiler/artifact.js";
import { analyze } from "../compiler/compile.js";
import { buildForward } from "../compiler/lower/forward.js";
import { loadProgram } from "../compiler/modules.js";
import { emitOnnx } from "../compiler/onnx/emit.js";
import { pipeline } from "../compiler/passes/pipeline.js";
import { compilerVersion } from "../compiler/version.js";
import { invariant, at } from "../grammar/invariant.js";
import type { SourceFile } from "../grammar/source.js";
import { percentile } from "./percentile.js";

/** Milliseconds that the command may take in a fresh process, the start of Node included. */
const goals = { "resnet34.pipe": 1500, "vit-huge.pipe": 6000 } as const;

/** Milliseconds by phase; whole lines contain the indented ones that follow. */
type Laps = Map<string, number>;

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: "string", default: "7" },
      fresh: { type: "boolean", default: false },
    },
  });
  if (values.fresh) {
    console.log(JSON.stringify(onceFresh(at(positionals, 0))));
    return;
  }
  const runs = Number(values.runs);
  const files =
    positionals.length > 0
      ? positionals
      : Object.keys(goals).map((name) => join(packageRoot, "bench", name));
  console.log(`${cpus()[0]?.model ?? "unknown processor"}, Node ${process.versions.node}`);
  for (const file of files) {
    console.log(`\n${basename(file)}: ms, the least and the median of ${runs}`);
    print(Array.from({ length: runs }, () => command(file)));
    print(Array.from({ length: runs }, () => freshProcess(file)));
    console.log("in one warm process");
    // The first two meet code that is not optimized yet.
    print(Array.from({ length: runs + 2 }, () => warm(file)).slice(2));
  }
}

function print(runs: readonly ReadonlyMap<string, number>[]): void {
  for (const phase of at(runs, 0).keys()) {
    const times = runs.map((run) => run.get(phase) ?? NaN);
    const [least, median] = [Math.min(...times), percentile(times, 50)];
    const numbers = [least, median].map((ms) => ms.toFixed(1).padStart(9)).join("");
    console.log(`${phase.padEnd(60)}${numbers}`);
  }
}

/** The command as users start it, to the last file written. */
function command(file: string): Laps {
  const folder = mkdtempSync(join(tmpdir(), "saic-bench-"));
  try {
    const start = performance.now();
    finished([join(packageRoot, "dist", "cli", "main.js"), "compile", file, "--out", folder]);
    const laps: Laps = new Map([["`saic compile` in a fresh process", performance.now() - start]]);
    const goal = Object.entries(goals).find(([name]) => name === basename(file))?.[1];
    if (goal !== undefined) laps.set("  its goal", goal);
    return laps;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same in parts, in a process of its own that this file starts. */
function freshProcess(file: string): Laps {
  const printed = finished([at(process.argv, 1), "--fresh", file]);
  return new Map(Object.entries(JSON.parse(printed) as Readonly<Record<string, number>>));
}

function finished(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  invariant(status === 0, stderr);
  return stdout;
}

/** Parts of one compile of a process that has compiled nothing before. */
function onceFresh(file: string): Readonly<Record<string, number>> {
  const { host, source, timed, laps } = begun(file);
  laps.set("  start Node and load the compiler, file by file", performance.now());
  const { lowered } = timed("  analyze", () =>
    analyze(source, host, { overrides: [], train: null }),
  );
  invariant(lowered, `${file} has errors`);
  timed("  emit", () => emitArtifact(lowered, "cpu"));
  const mebibytes = process.resourceUsage().maxRSS / 1024;
  const weights = lowered.plan.stateBytes / 2 ** 20;
  return {
    ...Object.fromEntries(laps),
    "  most memory of that process, MiB": mebibytes,
    "  beside which the state of a run has, MiB": weights,
  };
}

function begun(file: string) {
  const laps: Laps = new Map();
  const timed = <T>(phase: string, work: () => T): T => {
    const start = performance.now();
    const result = work();
    laps.set(phase, (laps.get(phase) ?? 0) + performance.now() - start);
    return result;
  };
  const source: SourceFile | null = readProgram(file);
  invariant(source, `${file} cannot be read`);
  return { laps, timed, source, host: createHost() };
}

function warm(file: string): Laps {
  const { laps, timed, host, source } = begun(file);
  // The phases one by one, each on what the one before made.
  const program = timed("parse, with the library's modules", () => loadProgram(source, host));
  const session = createSession(host, []);
  const declaration = program.root.module.declarations.find((each) => each.kind === "train");
  invariant(declaration, `${file} declares no train`);
  const frame = rootFrame(createElaboration(session), program.root);
  const train = timed("check the train and its data", () => checkTrain(frame, declaration));
  invariant(train, `${file} has errors`);
  const forward = timed("elaborate model and loss, once", () =>
    buildForward(session, program.root, train, {
      training: true,
      losses: train.losses.slice(0, 1),
    }),
  );
  invariant(forward, `${file} has errors`);
  const { builder, objectives, members } = forward;
  const { sum, weight } = at(at(objectives, 0).atoms, 0);
  const loss = builder.div(sum, weight);
  const weights = members.filter(({ role }) => role === "weight").map(({ moved }) => moved);
  timed("differentiate", () => differentiate(builder, loss, weights));

  // The whole, as `saic compile` does it.
  const { lowered } = timed("analyze: all of that, for every graph", () =>
    analyze(source, host, { overrides: [], train: null }),
  );
  invariant(lowered, `${file} has errors`);
  for (const [path, graph] of lowered.graphs) {
    const optimized = pipeline.reduce(
      (current, pass) => timed(`  pass ${pass.name}`, () => pass.run(current)),
      graph,
    );
    const purpose = path === lowered.plan.infer.file ? "infer" : "train";
    const target = { device: "cpu", opset: lowered.plan.opset, purpose } as const;
    timed("  write ONNX", () => emitOnnx(optimized, { target, producerVersion: compilerVersion }));
  }
  timed("emit: passes, verification, ONNX and plan", () => emitArtifact(lowered, "cpu"));
  return laps;
}

main();
