/** Makes everything a training step needs from a program, for scripts that run steps by themselves. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createHost, readProgram } from "../cli/host.js";
import { analyze, type Analysis, emitArtifact } from "../compiler/compile.js";
import type { Graph } from "../compiler/ir/graph.js";
import type { Override } from "../compiler/overrides.js";
import type { Plan } from "../compiler/plan/schema.js";
import { renderDiagnostic } from "../grammar/render.js";
import type { Batch } from "../runtime/data/dataset.js";
import type { Tensors } from "../runtime/executor/executor.js";
import { initialize } from "../runtime/initialize.js";
import { createStream, integers, normal } from "../runtime/random.js";
import { createSchedules, createTimeline } from "../runtime/schedule.js";
import { elementCount, type HostTensor } from "../runtime/tensor.js";
import { createFeeder, type Feeder } from "../runtime/train/feeds.js";

/** Values of settings by path, in the language. */
export type Settings = Readonly<Record<string, string>>;

/** A program that was compiled into a folder. */
export interface PreparedTrain {
  readonly plan: Plan;
  readonly folder: string;
  readonly graphs: ReadonlyMap<string, Graph>;
}

/** Checks a program; throws with its errors when there are any. */
export function analyzeFile(file: string, settings: Settings = {}): Analysis {
  const source = readProgram(file);
  if (source === null) throw new Error(`${file} cannot be read`);
  const overrides: readonly Override[] = Object.entries(settings).map(([path, value]) => ({
    path,
    value,
    flag: `--${path}`,
  }));
  const analysis = analyze(source, createHost(), { overrides, train: null });
  const errors = analysis.diagnostics.filter(({ severity }) => severity === "error");
  if (errors.length > 0)
    throw new Error(errors.map((each) => renderDiagnostic(each, { color: "never" })).join("\n"));
  return analysis;
}

/** Compiles a program for the CPU into `folder`. */
export function prepareTrain(file: string, folder: string, settings: Settings = {}): PreparedTrain {
  const { lowered } = analyzeFile(file, settings);
  if (lowered === null) throw new Error(`${file} declares no train`);
  const { plan, files, graphs } = emitArtifact(lowered, "cpu");
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  return { plan, folder, graphs };
}

/** The state before the first update, by path. */
export const initialState = (plan: Plan): Tensors =>
  new Map(
    plan.state.map(({ path, dtype, shape, init }) => [
      path,
      { dtype, shape, data: initialize(init, plan.seed, path, shape, dtype) },
    ]),
  );

/** What `fixedBatch` draws. */
export interface BatchShape {
  readonly records: number;
  /** Integer fields lie below it. */
  readonly classes: number;
  /** Records at the end that are padding. */
  readonly padding?: number;
}

/** A batch of normal numbers and random classes that depends on its index alone. */
export function fixedBatch(
  plan: Plan,
  index: number,
  { records, classes, padding = 0 }: BatchShape,
): Batch {
  const fields = plan.data.outputs.map(({ name, dtype, shape }): [string, HostTensor] => {
    const stream = createStream(0, `fixed-batch/${name}`);
    const full = [records, ...shape];
    const count = elementCount(full);
    if (dtype === "f32")
      return [
        name,
        { dtype, shape: full, data: Float32Array.from(normal(stream, index, 0, count)) },
      ];
    if (dtype !== "i64") throw new Error(`no fixed batch has a field of ${dtype}`);
    const numbers = integers(stream, index, 0, classes, count);
    return [name, { dtype, shape: full, data: BigInt64Array.from(numbers, BigInt) }];
  });
  const count = records - padding;
  return {
    fields: new Map(fields),
    valid: Uint8Array.from({ length: records }, (_, i) => (i < count ? 1 : 0)),
    count,
  };
}

/** The feeder of a run of `updates` updates in one stage, with the schedules it follows. */
export function feederOf(plan: Plan, batchesPerEpoch: number) {
  const timeline = createTimeline(plan, batchesPerEpoch);
  const schedules = createSchedules(plan, timeline);
  const feeder: Feeder = createFeeder({ seed: plan.seed, timeline, schedules });
  return { feeder, schedules, timeline };
}
