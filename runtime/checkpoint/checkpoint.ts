/** One checkpoint: weights, optimizer slots and a manifest in a folder, each file checked by its hash. */

import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Plan, StateEntry } from "../../compiler/plan/schema.js";
import { diagnose } from "../../grammar/diagnostic.js";
import {
  checkpointDamaged,
  checkpointMissing,
  checkpointOtherProgram,
  weightsMismatch,
} from "../../grammar/diagnostics/run.js";
import type { Files } from "../atomic-file.js";
import { exitCodes, Fault } from "../fault.js";
import type { HostTensor } from "../tensor.js";
import { progress, type Progress } from "./progress.js";
import { encodeSafetensors, readSafetensors } from "./safetensors.js";

/** A runtime refuses a newer major version. */
const manifestVersion = { major: 1, minor: 0 } as const;

const fileRecord = z.strictObject({ bytes: z.number().int().min(0), sha256: z.string() });

const manifest = z.strictObject({
  version: z.strictObject({ major: z.literal(1), minor: z.number().int() }),
  /** The plan's hash. */
  plan: z.string(),
  progress,
  /** Length of the run's `events.jsonl` when this was written. */
  eventsBytes: z.number().int().min(0),
  files: z.strictObject({
    "model.safetensors": fileRecord,
    "optimizer.safetensors": fileRecord,
    /** Only of a train that averages its weights. */
    "ema.safetensors": fileRecord.optional(),
  }),
});
export type Manifest = z.infer<typeof manifest>;

export type State = ReadonlyMap<string, HostTensor>;

type FileName = keyof Manifest["files"];
/** Files that hold all parameters and buffers. */
export type WeightsFile = Exclude<FileName, "optimizer.safetensors">;

/** A tensor of a file: how it is described, and the path of the state that it holds. */
interface Stored {
  readonly entry: StateEntry;
  readonly path: string;
}

/**
 * The files of a plan's checkpoints. Averages stand in a file of whole weights: what is averaged
 * nowhere is there as it is.
 */
function filesOf({ state }: Plan): ReadonlyMap<FileName, readonly Stored[]> {
  const averages = new Map(
    state.flatMap(({ role, of, path }) =>
      role === "average" && of !== null ? [[of, path] as const] : [],
    ),
  );
  const stored = (entries: readonly StateEntry[]): readonly Stored[] =>
    entries.map((entry) => ({ entry, path: entry.path }));
  const weights = state.filter(({ role }) => role === "parameter" || role === "buffer");
  const files = new Map<FileName, readonly Stored[]>([
    ["model.safetensors", stored(weights)],
    ["optimizer.safetensors", stored(state.filter(({ role }) => role === "slot"))],
  ]);
  if (averages.size === 0) return files;
  return files.set(
    "ema.safetensors",
    weights.map((entry) => ({ entry, path: averages.get(entry.path) ?? entry.path })),
  );
}

export interface CheckpointContent {
  readonly plan: Plan;
  readonly state: State;
  readonly progress: Progress;
  readonly eventsBytes: number;
}

/** Writes the files of a checkpoint into an existing folder and syncs each; the folder is not. */
export function writeCheckpointFiles(
  folder: string,
  { plan, state, progress, eventsBytes }: CheckpointContent,
  files: Files,
): void {
  const contents = filesOf(plan);
  const write = (name: FileName): z.infer<typeof fileRecord> => {
    const tensors = new Map<string, HostTensor>();
    for (const { entry, path } of contents.get(name) ?? []) {
      const tensor = state.get(path);
      if (tensor !== undefined) tensors.set(entry.key, tensor);
    }
    const pieces = encodeSafetensors(tensors, { format: "pt", plan: plan.hash });
    files.writeSynced(join(folder, name), pieces);
    const hash = createHash("sha256");
    for (const piece of pieces) hash.update(piece);
    const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    return { bytes, sha256: hash.digest("hex") };
  };
  const content: Manifest = {
    version: manifestVersion,
    plan: plan.hash,
    progress,
    eventsBytes,
    files: {
      "model.safetensors": write("model.safetensors"),
      "optimizer.safetensors": write("optimizer.safetensors"),
      ...(contents.has("ema.safetensors") ? { "ema.safetensors": write("ema.safetensors") } : {}),
    },
  };
  const text = Buffer.from(`${JSON.stringify(content, null, 2)}\n`);
  files.writeSynced(join(folder, "manifest.json"), [text]);
}

/**
 * Reads a whole checkpoint of this plan. Faults with exit code 2: a damaged file by its name,
 * another program's checkpoint by the first path that differs.
 */
export function readCheckpoint(
  folder: string,
  plan: Plan,
): { readonly manifest: Manifest; readonly state: State } {
  const found = readManifest(folder);
  if (found.plan !== plan.hash)
    throw otherProgram(folder, "plan hash", `\`${plan.hash}\``, `\`${found.plan}\``);
  const state = new Map<string, HostTensor>();
  for (const [name, entries] of filesOf(plan)) {
    const file = join(folder, name);
    verify(file, found.files[name]);
    const { tensors } = readSafetensors(file);
    for (const { entry, path } of entries) {
      const tensor = tensors.get(entry.key);
      const expected = describe(entry);
      if (tensor === undefined || describe(tensor) !== expected)
        throw otherProgram(
          folder,
          entry.path,
          `\`${expected}\``,
          tensor === undefined ? "absent" : `\`${describe(tensor)}\``,
        );
      // What is averaged nowhere has been read as it is.
      if (!state.has(path)) state.set(path, tensor);
    }
    const keys = new Set(entries.map(({ entry }) => entry.key));
    const extra = [...tensors.keys()].find((key) => !keys.has(key));
    if (extra !== undefined) throw otherProgram(folder, extra, "absent", "there");
  }
  return { manifest: found, state };
}

/** Reads a checkpoint's manifest; faults with exit code 2 when it is absent or damaged. */
export function readManifest(folder: string): Manifest {
  const file = join(folder, "manifest.json");
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    throw new Fault(diagnose(checkpointMissing, { folder }, null), exitCodes.environment);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw damaged(file, "it is not JSON");
  }
  const parsed = manifest.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw damaged(file, `${issue?.path.join(".") ?? "manifest"}: ${issue?.message ?? "malformed"}`);
}

/**
 * Parameters and buffers from a file in `folder`, or from a safetensors file, by path.
 * Faults with exit code 2 unless keys, shapes and types are exactly the plan's, and in a checkpoint's
 * folder also unless the file is as its manifest says.
 */
export function readWeights(
  folder: string,
  plan: Plan,
  name: WeightsFile = "model.safetensors",
): State {
  const file = folder.endsWith(".safetensors") ? folder : join(folder, name);
  if (statSync(file, { throwIfNoEntry: false }) === undefined)
    throw new Fault(diagnose(checkpointMissing, { folder }, null), exitCodes.environment);
  // A file beside a manifest is a checkpoint's; any other is taken as it is.
  if (file !== folder && existsSync(join(folder, "manifest.json")))
    verify(file, readManifest(folder).files[name]);
  const { tensors } = readSafetensors(file);
  const entries = (filesOf(plan).get("model.safetensors") ?? []).map(({ entry }) => entry);
  const keys = new Set(entries.map(({ key }) => key));
  const missing: string[] = [];
  const differing: string[] = [];
  const state = new Map<string, HostTensor>();
  for (const entry of entries) {
    const tensor = tensors.get(entry.key);
    if (tensor === undefined) missing.push(entry.key);
    else if (describe(tensor) !== describe(entry))
      differing.push(
        `\`${entry.key}\` is \`${describe(tensor)}\`, expected \`${describe(entry)}\``,
      );
    else state.set(entry.path, tensor);
  }
  const extra = [...tensors.keys()].filter((key) => !keys.has(key));
  if (missing.length + differing.length + extra.length === 0) return state;
  throw new Fault(
    diagnose(weightsMismatch, { file, missing, extra, differing }, null),
    exitCodes.environment,
  );
}

/** SHA-256 of a file, in hex. */
export function hashFile(file: string): string {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(2 ** 22);
  const descriptor = openSync(file, "r");
  try {
    for (;;) {
      const read = readSync(descriptor, buffer, 0, buffer.byteLength, null);
      if (read === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, read));
    }
  } finally {
    closeSync(descriptor);
  }
}

function verify(file: string, expected: z.infer<typeof fileRecord> | undefined): void {
  if (expected === undefined) throw damaged(file, "the manifest does not list it");
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw damaged(file, "it is missing");
  if (found.size !== expected.bytes)
    throw damaged(file, `it has ${found.size} bytes, the manifest says ${expected.bytes}`);
  if (hashFile(file) !== expected.sha256)
    throw damaged(file, "its contents differ from what was written");
}

const describe = ({
  dtype,
  shape,
}: {
  readonly dtype: string;
  readonly shape: readonly number[];
}): string => `${dtype}[${shape.join(", ")}]`;

const damaged = (file: string, reason: string): Fault =>
  new Fault(diagnose(checkpointDamaged, { file, reason }, null), exitCodes.environment);

const otherProgram = (folder: string, path: string, expected: string, found: string): Fault =>
  new Fault(
    diagnose(checkpointOtherProgram, { folder, path, expected, found }, null),
    exitCodes.environment,
  );
