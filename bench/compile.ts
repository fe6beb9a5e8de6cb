/** Times the compiler on the training graphs of ResNet-34: `node dist/bench/compile.js`. */

import { join } from "node:path";
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
import { at, invariant } from "../grammar/invariant.js";

/** Milliseconds by phase; whole lines contain the indented ones that follow. */
type Laps = Map<string, number>;

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { runs: { type: "string", default: "7" } },
  });
  const file = positionals[0] ?? join(packageRoot, "bench", "resnet34.pipe");
  const runs = Array.from({ length: Number(values.runs) }, () => once(file));
  console.log(`${file}: the first run, and the least of ${runs.length}, in ms`);
  const first = at(runs, 0);
  for (const [phase, ms] of first) {
    const least = Math.min(...runs.map((run) => run.get(phase) ?? Infinity));
    console.log(`${phase.padEnd(44)}${ms.toFixed(1).padStart(9)}${least.toFixed(1).padStart(9)}`);
  }
}

function once(file: string): Laps {
  const laps: Laps = new Map();
  const timed = <T>(phase: string, work: () => T): T => {
    const start = performance.now();
    const result = work();
    laps.set(phase, (laps.get(phase) ?? 0) + performance.now() - start);
    return result;
  };
  const host = createHost();
  const source = readProgram(file);
  invariant(source, `${file} cannot be read`);

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
