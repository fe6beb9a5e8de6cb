/**
 * Times training steps against PyTorch, side by side: `npm run bench`, for the two residual networks;
 * `npm run bench -- --models all` for every architecture, and `npm run bench -- loader` for loading.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { packageRoot } from "../cli/host.js";
import { at } from "../grammar/invariant.js";
import { prepareTrain } from "../scripts/prepare-train.js";
import { gemmModel } from "./gemm-graph.js";
import { benchLoader } from "./loader.js";
import { gemmFile } from "./peers/protocol.js";
import { percentile } from "./percentile.js";
import { startWorker, type Worker } from "./peers/worker.js";

const models = [
  { name: "resnet18", title: "ResNet-18, 64 x 64", size: 64, classes: 1000 },
  { name: "resnet34", title: "ResNet-34, 96 x 96", size: 96, classes: 1000 },
  { name: "vit", title: "ViT, 6 blocks of 192, 196 patches", size: 224, classes: 10 },
  { name: "transformer", title: "Transformer block of 768, 196 tokens", size: 224, classes: 10 },
  { name: "lstm3", title: "BiLSTM, 2 layers of 512, 3 steps", size: 14, classes: 10 },
  { name: "lstm64", title: "BiLSTM, 2 layers of 512, 64 steps", size: 64, classes: 10 },
  { name: "efficientnet", title: "EfficientNet-B0, third stage", size: 112, classes: 10 },
] as const;

const gemmSize = 1024;

interface Options {
  readonly rounds: number;
  readonly steps: number;
  readonly threads: number;
  readonly python: string;
  readonly models: readonly string[];
}

/** One that makes the same step. */
interface Contender {
  readonly name: string;
  readonly worker: Worker;
  readonly times: number[];
  readonly cpu: number[];
  readonly gemm: number[];
}

async function main(): Promise<void> {
  const options = readOptions();
  const torch = torchVersion(options.python);
  console.log(`${cpus()[0]?.model ?? "unknown processor"}, ${options.threads} threads, f32`);
  console.log(
    torch === null
      ? `PyTorch is absent from ${options.python}: only saic is timed. --python names another interpreter.`
      : `PyTorch ${torch}; ${options.rounds} interleaved rounds of ${options.steps} steps each`,
  );
  for (const model of models)
    if (options.models.includes(model.name)) await timeModel(model, options, torch !== null);
}

function readOptions(): Options {
  const local = join(packageRoot, ".venv", "bin", "python");
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "12" },
      steps: { type: "string", default: "3" },
      threads: { type: "string", default: String(availableParallelism()) },
      python: { type: "string", default: existsSync(local) ? local : "python3" },
      models: { type: "string", default: "resnet18,resnet34" },
    },
  });
  return {
    rounds: Number(values.rounds),
    steps: Number(values.steps),
    threads: Number(values.threads),
    python: values.python,
    models: values.models === "all" ? models.map(({ name }) => name) : values.models.split(","),
  };
}

function torchVersion(python: string): string | null {
  try {
    return execFileSync(python, ["-c", "import torch; print(torch.__version__)"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return null;
  }
}

async function timeModel(
  model: (typeof models)[number],
  options: Options,
  withTorch: boolean,
): Promise<void> {
  const artifact = join(packageRoot, "build", "bench", model.name);
  mkdirSync(artifact, { recursive: true });
  const { plan } = prepareTrain(join(packageRoot, "bench", `${model.name}.pipe`), artifact);
  writeFileSync(join(artifact, gemmFile), gemmModel(gemmSize));
  const { flops } = at(plan.stages, 0).graphs.step;
  const contenders = [
    contender(
      "saic",
      process.execPath,
      fileURLToPath(new URL("peers/saic-peer.js", import.meta.url)),
    ),
    ...(withTorch
      ? ["PyTorch AdamW", "PyTorch AdamW fused"].map((name) =>
          contender(name, options.python, join(packageRoot, "bench", "peers", "torch_peer.py")),
        )
      : []),
  ];
  const { name, size, classes } = model;
  for (const each of contenders) {
    const fused = each.name.endsWith("fused");
    const { threads } = options;
    const shape = { model: name, size, batch: plan.batch, classes, gemmSize };
    await each.worker.ask({ do: "setup", ...shape, fused, threads, artifact });
    await each.worker.steps(3);
    await each.worker.gemm(gemmSize, 3);
  }
  for (let round = 0; round < options.rounds; round++)
    for (const each of contenders) {
      // The first step after another's turn finds cold caches.
      await each.worker.steps(1);
      const { ms, cpuMs } = await each.worker.steps(options.steps);
      each.times.push(...ms);
      each.cpu.push(cpuMs);
      each.gemm.push(...(await each.worker.gemm(gemmSize, 3)).ms);
    }
  await printResults(`${model.title}, batch ${plan.batch}`, flops, contenders);
  for (const each of contenders) each.worker.close();
}

const contender = (name: string, command: string, script: string): Contender => ({
  name,
  worker: startWorker(command, [script]),
  times: [],
  cpu: [],
  gemm: [],
});

async function printResults(
  title: string,
  flops: number,
  contenders: readonly Contender[],
): Promise<void> {
  console.log(`\n${title}: ${(flops / 1e9).toFixed(1)} GFLOP a step, by the plan`);
  console.log(
    row([
      "",
      "p10 ms",
      "p25 ms",
      "median",
      "CPU ms",
      "PyTorch / saic",
      "CPU ratio",
      "peak MB",
      "GEMM GF/s",
      "share",
    ]),
  );
  const ours = at(contenders, 0);
  for (const each of contenders) {
    const median = percentile(each.times, 50);
    const gemm = (2 * gemmSize ** 3) / percentile(each.gemm, 25) / 1e6;
    const ratio = (share: number): string =>
      (percentile(each.times, share) / percentile(ours.times, share)).toFixed(2);
    console.log(
      row([
        each.name,
        percentile(each.times, 10).toFixed(1),
        percentile(each.times, 25).toFixed(1),
        median.toFixed(1),
        percentile(each.cpu, 25).toFixed(1),
        each === ours ? "" : `${ratio(10)} ${ratio(25)} ${ratio(50)}`,
        each === ours ? "" : (percentile(each.cpu, 25) / percentile(ours.cpu, 25)).toFixed(2),
        ((await each.worker.peakBytes()) / 1e6).toFixed(0),
        gemm.toFixed(0),
        `${((100 * flops) / 1e6 / percentile(each.times, 25) / gemm).toFixed(0)}%`,
      ]),
    );
  }
}

const row = ([name = "", ...cells]: readonly string[]): string =>
  name.padEnd(20) + cells.map((cell) => cell.padStart(15)).join("");

const [first, ...rest] = process.argv.slice(2);
await (first === "loader" ? benchLoader(rest) : main());
