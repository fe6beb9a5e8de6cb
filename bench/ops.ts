/**
 * Times single ops against PyTorch, side by side: `npm run bench -- ops`, with `--only WORDS` those
 * whose titles have the words. Ours is the graph that lowering makes of the op and of its gradient,
 * after the passes, in the executor that a run takes.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../cli/host.js";
import { costOf } from "../compiler/ir/cost.js";
import { graphSpec } from "../compiler/lower/graph-spec.js";
import { emitOnnx } from "../compiler/onnx/emit.js";
import { runPasses } from "../compiler/passes/pipeline.js";
import type { GraphSpec } from "../compiler/plan/schema.js";
import { compilerVersion } from "../compiler/version.js";
import { at, invariant } from "../grammar/invariant.js";
import { prepareTrain } from "../scripts/prepare-train.js";
import {
  type Contender,
  gemmSize,
  introduce,
  ratioOf,
  shareOf,
  startContenders,
  takeTurns,
  turnFlags,
  type Turns,
  turnsOf,
} from "./contenders.js";
import { gemmModel } from "./gemm-graph.js";
import { graphFeeds } from "./graph-feeds.js";
import { models } from "./models.js";
import { graphOf, type OpCase, opCases } from "./op-cases.js";
import { boundsOf, gemmFile, type Part } from "./peers/protocol.js";
import { percentile } from "./percentile.js";
import { bytesMoved, fewestBytes, gradientBytes, kernelBytes } from "./profiled.js";

/** Parts of steps that are ops of their own to PyTorch. */
const parts: readonly { readonly title: string; readonly model: string; readonly part: Part }[] = [
  { title: "LSTM, 3 steps: forward and backward", model: "lstm3", part: "gradient" },
  { title: "LSTM, 64 steps: forward and backward", model: "lstm64", part: "gradient" },
  { title: "AdamW, the 21.8 million numbers of ResNet-34", model: "resnet34", part: "update" },
];

/** About how long a turn of one op takes, in ms: short ones are repeated. */
const turnLength = 25;
const mostRepeats = 40;

interface Work {
  readonly title: string;
  readonly flops: number;
  readonly moved: number;
  readonly fewest: number;
}

export async function benchOps(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { ...turnFlags(8, 3), only: { type: "string", default: "" } },
  });
  const turns = turnsOf(values);
  const chosen = ({ title }: { readonly title: string }): boolean => title.includes(values.only);
  const withTorch = introduce(turns);
  console.log(`\n${header}`);
  const contenders = startContenders(turns.python, withTorch ? ["PyTorch"] : []);
  for (const each of opCases.filter(chosen)) await timeOp(each, contenders, turns);
  for (const { worker } of contenders) worker.close();
  for (const each of parts.filter(chosen)) await timePart(each, turns, withTorch);
}

/** Compiles the op into a folder and times it there. */
async function timeOp(
  opCase: OpCase,
  started: readonly [Contender, ...Contender[]],
  turns: Turns,
): Promise<void> {
  const folder = join(packageRoot, "build", "bench", "op");
  mkdirSync(folder, { recursive: true });
  const { title, ...call } = opCase;
  const graph = graphOf(call);
  const target = { device: "cpu", opset: 18, purpose: "train" } as const;
  const file = "op.onnx";
  writeFileSync(
    join(folder, file),
    emitOnnx(runPasses(graph), { target, producerVersion: compilerVersion }),
  );
  writeFileSync(join(folder, gemmFile), gemmModel(gemmSize));
  const spec: GraphSpec = graphSpec(graph, file, {
    draws: new Map([["random:draw", { id: "draw", perRecord: false }]]),
    bindings: new Map(),
  });
  const feeds = graphFeeds(spec, boundsOf(call))();
  const work: Work = {
    title,
    flops: costOf(graph).flops,
    moved: await bytesMoved(join(folder, file), feeds, turns.threads),
    fewest: fewestBytes(spec),
  };
  const [ours, ...others] = started.map((each) => ({ ...each, times: [], cpu: [], gemm: [] }));
  invariant(ours, "saic takes part");
  const { threads } = turns;
  for (const { worker } of [ours, ...others])
    await worker.ask({ do: "op", call, folder, spec, threads, gemmSize });
  await compare(work, [ours, ...others], turns);
}

/** Times a part of a step; the update as PyTorch makes it by default, and fused. */
async function timePart(
  { title, model, part }: (typeof parts)[number],
  turns: Turns,
  withTorch: boolean,
): Promise<void> {
  const found = models.find(({ name }) => name === model);
  invariant(found, `there is a model ${model}`);
  const artifact = join(packageRoot, "build", "bench", model);
  mkdirSync(artifact, { recursive: true });
  const { plan } = prepareTrain(join(packageRoot, "bench", `${model}.pipe`), artifact);
  writeFileSync(join(artifact, gemmFile), gemmModel(gemmSize));
  const stage = at(plan.stages, 0);
  const { grad, apply } = stage.graphs;
  const updates = part === "update";
  const work: Work = {
    title,
    flops: updates ? apply.flops : grad.flops,
    moved: updates
      ? kernelBytes(stage)
      : await gradientBytes(plan, {
          folder: artifact,
          classes: found.classes,
          threads: turns.threads,
        }),
    fewest: fewestBytes(updates ? apply : grad),
  };
  const torch = updates ? ["PyTorch", "PyTorch fused"] : ["PyTorch"];
  const contenders = startContenders(turns.python, withTorch ? torch : []);
  for (const { name, worker } of contenders) {
    const { size, classes } = found;
    const { threads } = turns;
    const fused = name.endsWith("fused");
    const shape = { model, size, batch: plan.batch, classes, gemmSize };
    await worker.ask({ do: "setup", ...shape, part, fused, threads, artifact });
  }
  await compare(work, contenders, turns);
  for (const { worker } of contenders) worker.close();
}

/** Warms up, takes turns and prints a line for each of PyTorch's. */
async function compare(
  work: Work,
  contenders: readonly [Contender, ...Contender[]],
  turns: Turns,
): Promise<void> {
  const [ours, ...others] = contenders;
  let slowest = 0;
  for (const { worker } of contenders) {
    const { ms } = await worker.steps(3);
    slowest = Math.max(slowest, Math.min(...ms));
    await worker.gemm(gemmSize, 2);
  }
  const repeats = Math.round(turnLength / slowest);
  await takeTurns(contenders, {
    rounds: turns.rounds,
    steps: Math.max(turns.steps, Math.min(mostRepeats, repeats)),
  });
  console.log(line(work, ours, others[0] ?? null));
  for (const other of others.slice(1))
    console.log(line({ ...work, title: `  ${other.name}` }, ours, other));
}

const line = (
  { title, flops, moved, fewest }: Work,
  ours: Contender,
  other: Contender | null,
): string =>
  row([
    title,
    ...[25, 50].map((rank) => percentile(ours.times, rank).toFixed(2)),
    ...(other === null
      ? ["", "", "", "", ""]
      : [
          ...[25, 50].map((rank) => percentile(other.times, rank).toFixed(2)),
          ...[10, 25, 50].map((rank) => ratioOf(other, ours, rank)),
        ]),
    shareOf(flops, ours),
    other === null ? "" : shareOf(flops, other),
    (moved / 1e6).toFixed(1),
    (moved / fewest).toFixed(1),
  ]);

const row = ([name = "", ...cells]: readonly string[]): string =>
  name.padEnd(62) + cells.map((cell) => cell.padStart(8)).join("");

const columns = [
  ["saic", "p25 ms"],
  ["saic", "median"],
  ["PyTorch", "p25 ms"],
  ["PyTorch", "median"],
  ["ratio", "p10"],
  ["ratio", "p25"],
  ["ratio", "median"],
  ["share", "saic"],
  ["share", "PyTorch"],
  ["MB", "moved"],
  ["of the", "fewest"],
] as const;

const header = [0, 1].map((i) => row(["", ...columns.map((column) => at(column, i))])).join("\n");
