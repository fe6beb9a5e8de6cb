/** Training steps, their parts and single ops as the benchmark's worker: answers JSON lines on standard input. */

import { createInterface } from "node:readline";
import type { GraphSpec } from "../../compiler/plan/schema.js";
import { assertNever, at, invariant } from "../../grammar/invariant.js";
import { openArtifact } from "../../runtime/artifact.js";
import type { Executor, Graph, Tensors } from "../../runtime/executor/executor.js";
import { openExecutor } from "../../runtime/executor/open-executor.js";
import { settlingIn } from "../../runtime/train/residence.js";
import { createStepper } from "../../runtime/train/step.js";
import { feederOf, fixedBatch, initialState } from "../../scripts/step-inputs.js";
import { type Bounds, graphFeeds } from "../graph-feeds.js";
import { updating } from "../updating.js";
import { type Answer, boundsOf, gemmFile, type Request, type Timing } from "./protocol.js";

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
async function prepareStep(artifact: string, classes: number, executor: Executor): Promise<Repeat> {
  const { plan } = openArtifact(artifact);
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

/** The graph of the gradients alone. */
async function prepareGradient(
  artifact: string,
  classes: number,
  executor: Executor,
): Promise<Repeat> {
  const { plan } = openArtifact(artifact);
  const { grad } = at(plan.stages, 0).graphs;
  const batch = fixedBatch(plan, 0, { records: plan.batch, classes });
  const sources = { update: 1, batch, gradients: new Map(), firstRecord: 0 };
  const { feeder } = feederOf(plan, 1000);
  const feeds = feeder(grad, { ...sources, state: initialState(plan) });
  return repeating(await executor.load(artifact, grad), () => feeds);
}

async function prepareUpdate(artifact: string, executor: Executor): Promise<Repeat> {
  const { plan } = openArtifact(artifact);
  const form = executor.kernels === null ? "graph" : "kernels";
  const update = await updating(executor, artifact, plan, form);
  return (count) => timed(update, count);
}

/** A graph by itself. */
const prepareGraph = async (
  folder: string,
  spec: GraphSpec,
  executor: Executor,
  below: Bounds = new Map(),
): Promise<Repeat> => repeating(await executor.load(folder, spec), graphFeeds(spec, below));

/** Every run writes where the one before did, for its outputs are done with. */
function repeating(graph: Graph, feeds: () => Tensors): Repeat {
  let outputs: Tensors = new Map();
  return (count) =>
    timed(async () => {
      outputs = await graph.run(feeds(), outputs);
    }, count);
}

/** Products of two square matrices in ONNX Runtime. */
function prepareGemm(folder: string, size: number, executor: Executor): Promise<Repeat> {
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
  return prepareGraph(folder, spec, executor);
}

async function main(): Promise<void> {
  let executor: Executor | null = null;
  let steps: Repeat | null = null;
  let gemm: Repeat | null = null;
  for await (const line of createInterface({ input: process.stdin })) {
    const answer = await respond(JSON.parse(line) as Request);
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }

  async function respond(request: Request): Promise<Answer> {
    switch (request.do) {
      case "setup": {
        const { artifact, classes, part } = request;
        const opened = await begin(artifact, request);
        const idleBytes = process.memoryUsage.rss();
        steps =
          part === "step"
            ? await prepareStep(artifact, classes, opened)
            : part === "gradient"
              ? await prepareGradient(artifact, classes, opened)
              : await prepareUpdate(artifact, opened);
        return { idleBytes };
      }
      case "op": {
        const { folder, spec, call } = request;
        const opened = await begin(folder, request);
        const idleBytes = process.memoryUsage.rss();
        steps = await prepareGraph(folder, spec, opened, boundsOf(call));
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

  /** The executor of a run without a choice; what an earlier setup has loaded is let go. */
  async function begin(
    folder: string,
    { threads, gemmSize }: { readonly threads: number; readonly gemmSize: number },
  ): Promise<Executor> {
    await executor?.close();
    const { executor: opened, warning } = await openExecutor(null, { device: "cpu", threads });
    if (warning !== null) console.error(warning.message);
    executor = opened;
    gemm = await prepareGemm(folder, gemmSize, opened);
    await gemm(1);
    return opened;
  }
}

await main();
