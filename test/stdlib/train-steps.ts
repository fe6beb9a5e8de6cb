/** Compiles a small program around a model, a loss and an optimizer, and makes a few updates. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createHost } from "../../cli/host.js";
import { emitArtifact } from "../../compiler/artifact.js";
import { analyze } from "../../compiler/compile.js";
import type { Graph } from "../../compiler/ir/graph.js";
import type { Plan } from "../../compiler/plan/schema.js";
import { renderDiagnostic } from "../../grammar/render.js";
import { at } from "../../grammar/invariant.js";
import { createSource } from "../../grammar/source.js";
import { openExecutor } from "../../runtime/executor/open-executor.js";
import type { ExecutorName, Tensors } from "../../runtime/executor/executor.js";
import type { UpdateGraphs } from "../../runtime/run-options.js";
import { lossesOf } from "../../runtime/train/losses.js";
import { createStepper } from "../../runtime/train/step.js";
import { feederOf, fixedBatch, initialState } from "../../scripts/step-inputs.js";

/** What stands in for the parts of the program; the fields are `image` and `kind`. */
export interface Parts {
  /** Imports and declarations; the model is `Net()`. */
  readonly model: string;
  readonly loss: string;
  readonly optimizer?: string;
  readonly schedule?: string;
  /** Pixels per side of the images of three channels. */
  readonly side?: number;
  readonly batch?: number;
  readonly steps?: number;
}

const program = ({
  model,
  loss,
  optimizer = "sgd(lr: 0.01)",
  schedule,
  side = 8,
  batch = 3,
  steps = 3,
}: Parts): string => `
import { adam, adamax, adamw, lamb, lion, rmsprop, sgd } from "saic:optimizers"
import "saic:losses" as losses
import "saic:schedules" as schedules
${model}

dataset Pictures {
  source: synthetic(shapes, count: 32, size: ${side}, classes: [ring, cross, square, triangle])
  field image: image() -> u8[3, ${side}, ${side}]
  field kind: label() -> i64[]
  split random { train: 100%  seed: 3 }
  transform { image = image |> normalize(mean: 0.5, std: 0.25) }
  loader { batch: ${batch} }
}

train small {
  model: Net()
  data: Pictures
  seed: 1
  loss { total = ${loss} }
  optimizer: ${optimizer}
  ${schedule === undefined ? "" : `schedule: ${schedule}`}
  stage main for ${steps} steps { }
}
`;

/** The program, compiled. */
export function artifactOf(parts: Parts) {
  const source = createSource("small.pipe", program(parts));
  const { diagnostics, lowered } = analyze(source, createHost(), { overrides: [], train: null });
  if (diagnostics.length > 0 || lowered === null)
    throw new Error(diagnostics.map((each) => renderDiagnostic(each, { color: "never" })).join(""));
  return emitArtifact(lowered, "cpu");
}

/** The program's plan; throws with its diagnostics if there are any. */
export const planOf = (parts: Parts): Plan => artifactOf(parts).plan;

/** The program's graphs by file. */
export const graphsOf = (parts: Parts): ReadonlyMap<string, Graph> => artifactOf(parts).graphs;

/** Keys and shapes of the parameters, in the plan's order. */
export const parametersOf = (plan: Plan): Readonly<Record<string, readonly number[]>> =>
  Object.fromEntries(
    plan.state.filter(({ role }) => role === "parameter").map(({ key, shape }) => [key, shape]),
  );

/** What a few updates give. */
export interface Trained {
  readonly plan: Plan;
  readonly losses: readonly number[];
  readonly before: Tensors;
  readonly after: Tensors;
}

export interface TrainingChoices {
  readonly executor?: ExecutorName;
  readonly threads?: number;
  readonly graphs?: UpdateGraphs;
}

/** Makes the program's updates, by default three, on one fixed batch. */
export async function trainSteps(
  parts: Parts,
  { executor: name = "session", threads = 1, graphs = "fused" }: TrainingChoices = {},
): Promise<Trained> {
  const { plan, files } = artifactOf(parts);
  const folder = mkdtempSync(join(tmpdir(), "saic-stdlib-"));
  const { executor } = await openExecutor(name, { device: "cpu", threads });
  try {
    for (const [path, bytes] of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), bytes);
    }
    const steps = parts.steps ?? 3;
    const { feeder } = feederOf(plan, steps);
    const stage = at(plan.stages, 0);
    const stepper = await createStepper(stage, { folder, executor, feeder, graphs });
    const before = initialState(plan);
    const batch = fixedBatch(plan, 0, { records: plan.batch, classes: 4 });
    let after = before;
    const losses: number[] = [];
    for (let update = 1; update <= steps; update++) {
      const { atoms, newState } = await stepper.step(update, batch, after);
      losses.push(lossesOf(stage.losses, atoms)["total"] ?? NaN);
      after = new Map([...after, ...newState]);
    }
    await stepper.close();
    return { plan, losses, before, after };
  } finally {
    await executor.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
