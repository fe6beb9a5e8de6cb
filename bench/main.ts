/**
 * Times training steps against PyTorch, side by side: `npm run bench`, for the two residual networks;
 * `npm run bench -- --models all` for every architecture, `npm run bench -- ops` for single ops and
 * `npm run bench -- loader` for loading.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../cli/host.js";
import { at } from "../grammar/invariant.js";
import { prepareTrain } from "../scripts/prepare-train.js";
import {
  type Contender,
  gemmRate,
  gemmSize,
  introduce,
  printBytes,
  ratioOf,
  shareOf,
  startContenders,
  takeTurns,
  turnFlags,
  type Turns,
  turnsOf,
} from "./contenders.js";
import { gemmModel } from "./gemm-graph.js";
import { benchLoader } from "./loader.js";
import { models } from "./models.js";
import { benchOps } from "./ops.js";
import { gemmFile } from "./peers/protocol.js";
import { percentile } from "./percentile.js";
import { fewestBytes, gradientBytes, kernelBytes } from "./profiled.js";

async function benchSteps(): Promise<void> {
  const { values } = parseArgs({
    options: { ...turnFlags(12, 3), models: { type: "string", default: "resnet18,resnet34" } },
  });
  const turns = turnsOf(values);
  const withTorch = introduce(turns);
  for (const model of models)
    if (values.models === "all" || values.models.split(",").includes(model.name))
      await timeModel(model, turns, withTorch);
}

async function timeModel(
  { name, title, size, classes }: (typeof models)[number],
  turns: Turns,
  withTorch: boolean,
): Promise<void> {
  const artifact = join(packageRoot, "build", "bench", name);
  mkdirSync(artifact, { recursive: true });
  const { plan } = prepareTrain(join(packageRoot, "bench", `${name}.pipe`), artifact);
  writeFileSync(join(artifact, gemmFile), gemmModel(gemmSize));
  const { threads } = turns;
  const stage = at(plan.stages, 0);
  const { flops } = stage.graphs.step;
  const moved =
    (await gradientBytes(plan, { folder: artifact, classes, threads })) + kernelBytes(stage);
  const torch = withTorch ? ["PyTorch AdamW", "PyTorch AdamW fused"] : [];
  const contenders = startContenders(turns.python, torch);
  for (const { name: contender, worker } of contenders) {
    const fused = contender.endsWith("fused");
    const shape = { model: name, size, batch: plan.batch, classes, gemmSize };
    await worker.ask({ do: "setup", ...shape, part: "step", fused, threads, artifact });
    await worker.steps(3);
    await worker.gemm(gemmSize, 3);
  }
  await takeTurns(contenders, turns);
  console.log(
    `\n${title}, batch ${plan.batch}: ${(flops / 1e9).toFixed(1)} GFLOP a step, by the plan; ${printBytes(moved, fewestBytes(stage.graphs.step))}`,
  );
  await printResults(flops, contenders);
  for (const { worker } of contenders) worker.close();
}

async function printResults(
  flops: number,
  contenders: readonly [Contender, ...Contender[]],
): Promise<void> {
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
  const [ours] = contenders;
  for (const each of contenders) {
    const ratios = [10, 25, 50].map((share) => ratioOf(each, ours, share)).join(" ");
    const cpu = percentile(each.cpu, 25);
    console.log(
      row([
        each.name,
        ...[10, 25, 50].map((share) => percentile(each.times, share).toFixed(1)),
        cpu.toFixed(1),
        each === ours ? "" : ratios,
        each === ours ? "" : (cpu / percentile(ours.cpu, 25)).toFixed(2),
        ((await each.worker.peakBytes()) / 1e6).toFixed(0),
        gemmRate(each).toFixed(0),
        shareOf(flops, each),
      ]),
    );
  }
}

const row = ([name = "", ...cells]: readonly string[]): string =>
  name.padEnd(20) + cells.map((cell) => cell.padStart(15)).join("");

const [first, ...rest] = process.argv.slice(2);
if (first === "loader") await benchLoader(rest);
else if (first === "ops") await benchOps(rest);
else await benchSteps();
