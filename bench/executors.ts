/** Times executors and forms of updates side by side: state that only passes through, AdamW, a step of ResNet-18. */

import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../cli/host.js";
import { createGraphBuilder } from "../compiler/ir/create-builder.js";
import { emitOnnx } from "../compiler/onnx/emit.js";
import type { GraphSpec, Plan } from "../compiler/plan/schema.js";
import { compilerVersion } from "../compiler/version.js";
import { at } from "../grammar/invariant.js";
import { type Executor, executorNames, type Tensors } from "../runtime/executor/executor.js";
import { openExecutor } from "../runtime/executor/open-executor.js";
import { elementCount } from "../runtime/tensor.js";
import type { UpdateGraphs } from "../runtime/run-options.js";
import { createStepper } from "../runtime/train/step.js";
import { prepareTrain } from "../scripts/prepare-train.js";
import { feederOf, fixedBatch, initialState } from "../scripts/step-inputs.js";
import { updating } from "./updating.js";

/** 50 tensors of 2^20 numbers: 200 MiB. */
const tensors = 50;
const length = 2 ** 20;

/** Percentiles that are printed. */
const shares = [10, 25, 50] as const;

type Work = () => Promise<void>;

/** The first is what the others are compared with. */
type Entries = readonly (readonly [label: string, prepare: () => Promise<Work>])[];

interface Contender {
  readonly label: string;
  readonly work: Work;
  /** Wall time, and processor time of all threads: what other programs cannot take away. */
  readonly wall: number[];
  readonly cpu: number[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "20" },
      threads: { type: "string", default: String(availableParallelism()) },
    },
  });
  const [rounds, threads] = [Number(values.rounds), Number(values.threads)];
  const executors: Executor[] = [];
  for (const name of executorNames.toReversed())
    executors.push((await openExecutor(name, { device: "cpu", threads })).executor);
  const bound = at(executors, 1);
  console.log(`${threads} threads, ${rounds} interleaved rounds; p10, p25 and median in ms`);

  const folder = join(packageRoot, "build", "bench", "executors");
  const state = passingGraph(folder);
  await compare(
    `${(tensors * length * 4) / 2 ** 20} MiB of state through a step`,
    rounds,
    executors.map((executor) => [executor.name, () => passing(executor, folder, state)]),
  );
  const larger = join(folder, "resnet34");
  const resnet34 = prepareTrain(join(packageRoot, "bench", "resnet34.pipe"), larger);
  const count = learnedBy(resnet34.plan);
  const bytes = count * adamwBytes;
  await compare(
    `AdamW over the ${(count / 1e6).toFixed(1)} million numbers of ResNet-34; \`copy\` moves as many bytes`,
    rounds,
    [
      ["graph", () => updating(bound, larger, resnet34.plan, "graph")],
      ["kernels", () => updating(bound, larger, resnet34.plan, "kernels")],
      ["copy", () => copying(bytes)],
    ],
    bytes,
  );
  const resnet = join(folder, "resnet18");
  const { plan } = prepareTrain(join(packageRoot, "bench", "resnet18.pipe"), resnet);
  await compare(`ResNet-18, 64 x 64, batch ${plan.batch}`, rounds, [
    ...executors.map(
      (executor) =>
        [`${executor.name} fused`, () => training(executor, resnet, plan, "fused")] as const,
    ),
    ["bound split", () => training(bound, resnet, plan, "split")],
    ["bound kernels", () => training(bound, resnet, plan, "kernels")],
  ]);
  for (const executor of executors) await executor.close();
}

/**
 * Interleaves the entries, the first of each turn untimed: it finds another's caches. With `bytes`
 * it prints how many are moved in a second.
 */
async function compare(
  title: string,
  rounds: number,
  entries: Entries,
  bytes: number | null = null,
): Promise<void> {
  const contenders: Contender[] = [];
  for (const [label, prepare] of entries)
    contenders.push({ label, work: await prepare(), wall: [], cpu: [] });
  for (const { work } of contenders) for (let i = 0; i < 3; i++) await work();
  for (let round = 0; round < rounds; round++)
    for (const { work, wall, cpu } of contenders) {
      await work();
      for (let i = 0; i < 2; i++) {
        const [started, before] = [performance.now(), process.cpuUsage()];
        await work();
        wall.push(performance.now() - started);
        const { user, system } = process.cpuUsage(before);
        cpu.push((user + system) / 1000);
      }
    }
  console.log(`\n${title}`);
  for (const measure of ["wall", "cpu"] as const) {
    const first = at(contenders, 0);
    for (const { label, ...times } of contenders) {
      const cells = shares.map((share) => percentile(times[measure], share).toFixed(1).padStart(8));
      const ratios = shares.map((share) =>
        (percentile(times[measure], share) / percentile(first[measure], share)).toFixed(2),
      );
      const rate =
        bytes === null || measure === "cpu"
          ? ""
          : `   ${(bytes / 1e6 / percentile(times.wall, 10)).toFixed(1)} GB/s`;
      const beside = label === first.label ? "" : `   ${ratios.join(" ")} of ${first.label}`;
      console.log(`  ${measure.padEnd(5)} ${label.padEnd(14)} ${cells.join("")}${beside}${rate}`);
    }
  }
}

/** Every tensor is read once and written once, which no step does without. */
function passingGraph(folder: string): GraphSpec {
  const b = createGraphBuilder();
  const type = { dtype: "f32", shape: [length] } as const;
  const names = Array.from({ length: tensors }, (_, i) => `t${i}`);
  const outputs = names.map((name) => ({ name: `${name}_new`, value: b.neg(b.input(name, type)) }));
  const target = { device: "cpu", opset: 18, purpose: "train" } as const;
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "passing.onnx"),
    emitOnnx(b.finish("passing", outputs), { target, producerVersion: compilerVersion }),
  );
  const described = { dtype: "f32" as const, shape: [length] };
  return {
    file: "passing.onnx",
    inputs: names.map((path) => ({ name: path, ...described, feed: { kind: "state", path } })),
    outputs: names.map((path) => ({
      name: `${path}_new`,
      ...described,
      meaning: { kind: "state", path },
    })),
    peakBytes: 0,
    flops: 0,
  };
}

async function passing(executor: Executor, folder: string, spec: GraphSpec): Promise<Work> {
  const graph = await executor.load(folder, spec);
  let feeds: Tensors = new Map(
    spec.inputs.map(({ name }) => [
      name,
      { dtype: "f32" as const, shape: [length], data: new Float32Array(length).fill(1) },
    ]),
  );
  let [last, before]: Tensors[] = [];
  return async () => {
    const outputs = await graph.run(feeds, before);
    [last, before] = [outputs, last];
    feeds = new Map([...outputs].map(([name, tensor]) => [name.replace("_new", ""), tensor]));
  };
}

/** Read parameter, gradient and two averages, written all but the gradient. */
const adamwBytes = 28;

/** How many numbers the first stage trains. */
const learnedBy = ({ state, stages }: Plan): number =>
  state
    .filter(({ path }) => at(stages, 0).trainable.includes(path))
    .reduce((sum, { shape }) => sum + elementCount(shape), 0);

/** Half of the bytes read and half written, by the one thread that has nothing else to do. */
async function copying(bytes: number): Promise<Work> {
  const from = new Uint8Array(bytes / 2).fill(1);
  const to = new Uint8Array(bytes / 2);
  return async () => to.set(from);
}

async function training(
  executor: Executor,
  folder: string,
  plan: Plan,
  graphs: UpdateGraphs,
): Promise<Work> {
  const { feeder } = feederOf(plan, 1000);
  const stepper = await createStepper(at(plan.stages, 0), { folder, executor, feeder, graphs });
  const batch = fixedBatch(plan, 0, { records: plan.batch, classes: 1000 });
  let state = initialState(plan);
  let update = 0;
  return async () => {
    const { newState } = await stepper.step(++update, batch, state);
    state = new Map([...state, ...newState]);
  };
}

/** Nearest rank. */
function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return at(sorted, Math.min(sorted.length - 1, Math.floor((share / 100) * sorted.length)));
}

await main();
