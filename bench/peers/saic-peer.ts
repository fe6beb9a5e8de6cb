/** A training step of a compiled program as the benchmark's worker: answers JSON lines on standard input. */

import { createInterface } from "node:readline";
import type { GraphSpec } from "../../compiler/plan/schema.js";
import { assertNever, at, invariant } from "../../grammar/invariant.js";
import { openArtifact } from "../../runtime/artifact.js";
import { openExecutor } from "../../runtime/executor/open-executor.js";
import { createStream, normal } from "../../runtime/random.js";
import { settlingIn } from "../../runtime/train/residence.js";
import { createStepper } from "../../runtime/train/step.js";
import { feederOf, fixedBatch, initialState } from "../../scripts/step-inputs.js";
import { type Answer, gemmFile, type Request, type Timing } from "./protocol.js";

type Repeat = (count: number) => Promise<Timing>;

async function timed(work: () => Promise<void>, count: number): Promise<Timing> {
  const times: number[] = [];
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(before);
  return { ms: times, cpuMs: (user + system) / 1000 / count };
}

/** The step as a run makes it: in the default executor, updated by kernels where there are some. */
async function prepare(artifact: string, classes: number, threads: number): Promise<Repeat> {
  const { plan } = openArtifact(artifact);
  const { executor } = await openExecutor(null, { device: "cpu", threads });
  const { feeder } = feederOf(plan, 1000);
  const stage = at(plan.stages, 0);
  const memory = executor.kernels?.createMemory() ?? null;
  let state = initialState(plan, settlingIn(stage, memory));
  const stepper = await createStepper(stage, {
    folder: artifact,
    executor,
    feeder,
    memory,
    graphs: memory === null ? "fused" : "kernels",
    warn: ({ message }) => console.error(message),
  });
  const batch = fixedBatch(plan, 0, { records: plan.batch, classes });
  let update = 0;
  return (count) =>
    timed(async () => {
      const { newState } = await stepper.step(++update, batch, state);
      state = new Map([...state, ...newState]);
    }, count);
}

/** Products of two square matrices in ONNX Runtime. */
async function prepareGemm(folder: string, size: number, threads: number): Promise<Repeat> {
  const described = { dtype: "f32" as const, shape: [size, size] };
  const spec: GraphSpec = {
    file: gemmFile,
    inputs: ["a", "b"].map((name) => ({
      name,
      ...described,
      feed: { kind: "field", field: name },
    })),
    outputs: [{ name: "y", ...described, meaning: { kind: "output" } }],
    peakBytes: 0,
    flops: 0,
  };
  const { executor } = await openExecutor(null, { device: "cpu", threads });
  const loaded = await executor.load(folder, spec);
  const data = Float32Array.from(normal(createStream(0, "gemm"), 0, 0, size * size));
  const feeds = new Map(["a", "b"].map((name) => [name, { ...described, data }] as const));
  return (count) =>
    timed(async () => {
      await loaded.run(feeds);
    }, count);
}

async function main(): Promise<void> {
  let steps: Repeat | null = null;
  let gemm: Repeat | null = null;
  for await (const line of createInterface({ input: process.stdin })) {
    const answer = await respond(JSON.parse(line) as Request);
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }

  async function respond(request: Request): Promise<Answer> {
    switch (request.do) {
      case "setup": {
        const { artifact, classes, threads, gemmSize } = request;
        gemm = await prepareGemm(artifact, gemmSize, threads);
        await gemm(1);
        const idleBytes = process.memoryUsage.rss();
        steps = await prepare(artifact, classes, threads);
        return { idleBytes };
      }
      case "steps":
        invariant(steps, "set up first");
        return steps(request.count);
      case "gemm":
        invariant(gemm, "set up first");
        return gemm(request.count);
      case "peak":
        return { bytes: process.resourceUsage().maxRSS * 1024 };
      default:
        return assertNever(request);
    }
  }
}

await main();
