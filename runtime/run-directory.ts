/** The directory of a run: where it is, what it holds, and how an old one is moved aside. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { availableParallelism, release } from "node:os";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { diagnose } from "../grammar/diagnostic.js";
import { fitChanged } from "../grammar/diagnostics/data-content.js";
import { checkpointMissing, splitChanged } from "../grammar/diagnostics/run.js";
import type { Artifact } from "./artifact.js";
import type { Files } from "./atomic-file.js";
import { hashFile } from "./checkpoint/checkpoint.js";
import type { SplitManifest, SplitName } from "./data/dataset.js";
import type { ExecutorName } from "./executor/executor.js";
import { exitCodes, Fault } from "./fault.js";
import type { RunOptions } from "./run-options.js";
import type { HostTensor } from "./tensor.js";

export interface RunDirectory {
  readonly folder: string;
  readonly events: string;
  readonly checkpoints: string;
  readonly result: string;
}

/**
 * `<runsDir>/<train>/<id>`. The id is the first 16 hex digits of the plan's hash; a run that begins
 * with given weights has an id of its own, from the plan's hash and the weights' SHA-256.
 */
export function locateRun(artifact: Artifact, options: RunOptions): RunDirectory {
  const { plan } = artifact;
  const whole =
    options.from === null
      ? plan.hash
      : createHash("sha256")
          .update(`${plan.hash}\n${hashFile(weightsFile(options.from))}`)
          .digest("hex");
  const folder = join(options.runsDir, plan.train, whole.slice(0, 16));
  return {
    folder,
    events: join(folder, "events.jsonl"),
    checkpoints: join(folder, "checkpoints"),
    result: join(folder, "result.json"),
  };
}

/** Where scalars for TensorBoard go: to a folder that runs share, under the train and the run's id. */
export const scalarsFolder = ({ folder }: RunDirectory, shared: string): string =>
  shared === ""
    ? join(folder, "tensorboard")
    : join(shared, basename(dirname(folder)), basename(folder));

/** The file of weights that `--from` means; faults with exit code 2 when there is none. */
export function weightsFile(from: string): string {
  const file = from.endsWith(".safetensors") ? from : join(from, "model.safetensors");
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === true) return file;
  throw new Fault(diagnose(checkpointMissing, { folder: from }, null), exitCodes.environment);
}

/** Renames a run directory to `<id>.before-<n>`; nothing is ever deleted. */
export function moveAside(folder: string, files: Files): void {
  if (!existsSync(folder)) return;
  let n = 1;
  while (existsSync(`${folder}.before-${n}`)) n++;
  files.move(folder, `${folder}.before-${n}`);
}

const environment = z.object({ threads: z.number() });

export interface Environment {
  readonly node: string;
  readonly onnxruntime: string;
  readonly executor: ExecutorName;
  readonly device: string;
  readonly threads: number;
}

/** Writes what the run is made of; returns the thread count it had before, if it had one. */
export function describeRun(
  { folder }: RunDirectory,
  artifact: Artifact,
  current: Environment,
  files: Files,
): { readonly threadsBefore: number | null } {
  files.makeFolder(folder);
  const file = join(folder, "env.json");
  const before = environment.safeParse(readJson(file));
  files.publish(join(folder, "plan.json"), artifact.planText);
  if (artifact.programText !== null)
    files.publish(join(folder, "program.pipe"), artifact.programText);
  files.publish(
    file,
    json({
      ...current,
      platform: process.platform,
      arch: process.arch,
      kernel: release(),
      cpus: availableParallelism(),
    }),
  );
  return { threadsBefore: before.success ? before.data.threads : null };
}

/**
 * Keeps the split a run began with. Faults with exit code 6 when the data now give another one;
 * `begun` tells whether there is anything to continue.
 */
export function keepSplit(
  { folder }: RunDirectory,
  manifest: SplitManifest,
  begun: "begun" | "new",
  files: Files,
): void {
  const file = join(folder, "split.manifest.json");
  const text = json(manifest);
  const stored = readText(file);
  if (begun === "begun" && stored !== null && stored !== text)
    throw new Fault(
      diagnose(splitChanged, difference(JSON.parse(stored), manifest), null),
      exitCodes.badData,
    );
  if (stored !== text) files.publish(file, text);
}

/**
 * Keeps what a run's datasets were fitted to when it began. Faults with exit code 6 when the
 * training split now gives other numbers.
 */
export function keepFits(
  { folder }: RunDirectory,
  fits: ReadonlyMap<string, HostTensor>,
  begun: "begun" | "new",
  files: Files,
): void {
  if (fits.size === 0) return;
  const file = join(folder, "fits.json");
  const text = json(
    Object.fromEntries(
      [...fits].map(([path, { dtype, shape, data }]) => [
        path,
        { dtype, shape, values: Array.from<number | bigint>(data).map(Number) },
      ]),
    ),
  );
  const stored = readText(file);
  if (begun === "begun" && stored !== null && stored !== text)
    throw new Fault(
      diagnose(fitChanged, { fits: [...fits.keys()] }, null, { place: file }),
      exitCodes.badData,
    );
  if (stored !== text) files.publish(file, text);
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const storedSplits = z.object({
  splits: z.record(
    z.string(),
    z.array(z.object({ group: z.string(), records: z.array(z.number()) })),
  ),
});

function difference(
  before: unknown,
  { splits }: SplitManifest,
): { readonly split: string; readonly detail: string } {
  const old = storedSplits.safeParse(before);
  const names: readonly SplitName[] = ["train", "val", "test"];
  for (const split of names) {
    const was = old.success ? (old.data.splits[split] ?? []) : [];
    const is = splits[split];
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    return {
      split,
      detail:
        count(was) === count(is)
          ? "holds other records"
          : `had ${count(was)} records, now ${count(is)}`,
    };
  }
  return { split: "train", detail: "was made by other rules" };
}

const count = (groups: readonly { readonly records: readonly number[] }[]): number =>
  groups.reduce((sum, { records }) => sum + records.length, 0);

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

function readJson(file: string): unknown {
  const text = readText(file);
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
