/** A training step of a compiled program as the benchmark's worker: answers JSON lines on standard input. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createGraphBuilder } from "../../compiler/ir/create-builder.js";
import { tensorType } from "../../compiler/ir/type.js";
import { emitOnnx } from "../../compiler/onnx/emit.js";
import type { GraphSpec } from "../../compiler/plan/schema.js";
import { compilerVersion } from "../../compiler/version.js";
import { assertNever, at, invariant } from "../../grammar/invariant.js";
import { openArtifact } from "../../runtime/artifact.js";
import { openExecutor } from "../../runtime/executor/open-executor.js";
import { createStream, normal } from "../../runtime/random.js";
import { createStepper } from "../../runtime/train/step.js";
import { feederOf, fixedBatch, initialState } from "../../scripts/prepare-train.js";
import type { Answer, Request, Timing } from "./protocol.js";

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

/** The fused step in the default executor. */
async function prepare(artifact: string, classes: number, threads: number): Promise<Repeat> {
  const { plan } = openArtifact(artifact);
  const { executor } = await openExecutor(null, { device: "cpu", threads });
  const { feeder } = feederOf(plan, 1000);
  const stage = at(plan.stages, 0);
  const stepper = await createStepper(stage, {
    folder: artifact,
    executor,
    feeder,
    graphs: "fused",
  });
  const batch = fixedBatch(plan, 0, { records: plan.batch, classes });
  let state = initialState(plan);
  let update = 0;
  return (count) =>
    timed(async () => {
      const { newState } = await stepper.step(++update, batch, state);
      state = new Map([...state, ...newState]);
    }, count);
}

/** Products of two square matrices in ONNX Runtime. */
async function prepareGemm(folder: string, size: number, threads: number): Promise<Repeat> {
  const b = createGraphBuilder();
  const type = tensorType("f32", [size, size]);
  const product = b.emit("matmul", [b.input("a", type), b.input("b", type)]);
  const graph = b.finish("gemm", [{ name: "y", value: product }]);
  const target = { device: "cpu", opset: 18, purpose: "train" } as const;
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "gemm.onnx"),
    emitOnnx(graph, { target, producerVersion: compilerVersion }),
  );
  const described = { dtype: "f32" as const, shape: [size, size] };
  const spec: GraphSpec = {
    file: "gemm.onnx",
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
        const { artifact, classes, threads, size, gemmSize } = request;
        invariant(size > 0, "a model has a size");
        steps = await prepare(artifact, classes, threads);
        gemm = await prepareGemm(join(artifact, "gemm"), gemmSize, threads);
        return { version: compilerVersion };
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
