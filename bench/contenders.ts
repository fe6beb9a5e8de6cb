/** The processes that make the same work side by side, and how they take turns. */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../cli/host.js";
import { startWorker, type Worker } from "./peers/worker.js";
import { percentile } from "./percentile.js";

/** One that makes the same work. */
export interface Contender {
  readonly name: string;
  readonly worker: Worker;
  /** In ms, as are the next two. */
  readonly times: number[];
  /** Processor time of all threads. */
  readonly cpu: number[];
  /** Of the matrix product whose rate the work is compared with. */
  readonly gemm: number[];
}

export interface Turns {
  readonly rounds: number;
  /** In a turn. */
  readonly steps: number;
  readonly threads: number;
  readonly python: string;
}

/** Side of the matrices whose product is timed beside the work. */
export const gemmSize = 1024;

/** The flags of every comparison, with their defaults. */
export const turnFlags = (rounds: number, steps: number) =>
  ({
    rounds: { type: "string", default: String(rounds) },
    steps: { type: "string", default: String(steps) },
    threads: { type: "string", default: String(availableParallelism()) },
    python: { type: "string", default: localPython() },
  }) as const;

export const turnsOf = (values: Readonly<Record<keyof Turns, string>>): Turns => ({
  rounds: Number(values.rounds),
  steps: Number(values.steps),
  threads: Number(values.threads),
  python: values.python,
});

function localPython(): string {
  const local = join(packageRoot, ".venv", "bin", "python");
  return existsSync(local) ? local : "python3";
}

/** Says what is compared where; whether PyTorch is there to take part. */
export function introduce({ rounds, steps, threads, python }: Turns): boolean {
  const torch = torchVersion(python);
  console.log(`${cpus()[0]?.model ?? "unknown processor"}, ${threads} threads, f32`);
  console.log(
    torch === null
      ? `PyTorch is absent from ${python}: only saic is timed. --python names another interpreter.`
      : `PyTorch ${torch}; ${rounds} interleaved rounds, ${steps} steps to a turn`,
  );
  return torch !== null;
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

/** saic, and PyTorch under each of the names. */
export const startContenders = (
  python: string,
  torch: readonly string[],
): readonly [Contender, ...Contender[]] => [
  contender(
    "saic",
    process.execPath,
    fileURLToPath(new URL("peers/saic-peer.js", import.meta.url)),
  ),
  ...torch.map((name) =>
    contender(name, python, join(packageRoot, "bench", "peers", "torch_peer.py")),
  ),
];

const contender = (name: string, command: string, script: string): Contender => ({
  name,
  worker: startWorker(command, [script]),
  times: [],
  cpu: [],
  gemm: [],
});

/** Adds the times of some rounds; before it, each has warmed up by itself. */
export async function takeTurns(
  contenders: readonly Contender[],
  { rounds, steps }: Pick<Turns, "rounds" | "steps">,
): Promise<void> {
  for (let round = 0; round < rounds; round++)
    for (const each of contenders) {
      // The first step after another's turn finds cold caches.
      await each.worker.steps(1);
      const { ms, cpuMs } = await each.worker.steps(steps);
      each.times.push(...ms);
      each.cpu.push(cpuMs);
      each.gemm.push(...(await each.worker.gemm(gemmSize, 3)).ms);
    }
}

/** GFLOP/s of the matrix product. */
export const gemmRate = ({ gemm }: Contender): number =>
  (2 * gemmSize ** 3) / percentile(gemm, 25) / 1e6;

/** The other's time over ours. */
export const ratioOf = (other: Contender, ours: Contender, share: number): string =>
  (percentile(other.times, share) / percentile(ours.times, share)).toFixed(2);

/** Of the rate of the matrix product, at the lower quartile. */
export const shareOf = (flops: number, each: Contender): string =>
  `${((100 * flops) / 1e6 / percentile(each.times, 25) / gemmRate(each)).toFixed(0)}%`;

/** Bytes that are moved, beside the fewest. */
export const printBytes = (moved: number, fewest: number): string =>
  `${(moved / 1e6).toFixed(1)} MB moved, ${(fewest / 1e6).toFixed(1)} at least (${(moved / fewest).toFixed(1)} times)`;
