/** Compiles the parity programs and writes down what their graphs compute, for `test/parity`. */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { packageRoot } from "../cli/host.js";
import type { GraphSpec, Plan } from "../compiler/plan/schema.js";
import { at } from "../grammar/invariant.js";
import { encodeSafetensors } from "../runtime/checkpoint/safetensors.js";
import type { Batch } from "../runtime/data/dataset.js";
import type { Executor, Tensors } from "../runtime/executor/executor.js";
import { createSessionExecutor } from "../runtime/executor/session.js";
import type { HostTensor } from "../runtime/tensor.js";
import type { Feeder } from "../runtime/train/feeds.js";
import { atomsOf, lossesOf } from "../runtime/train/losses.js";
import { createStepper } from "../runtime/train/step.js";
import { writeArchitectureFixtures } from "./parity-architectures.js";
import { writeExportFixtures } from "./parity-exports.js";
import { writeGraphFixtures } from "./parity-graphs.js";
import { writeLogFixture } from "./parity-log.js";
import { writeOpFixtures } from "./parity-ops.js";
import { analyzeFile, prepareTrain, type Settings } from "./prepare-train.js";
import { feederOf, fixedBatch, initialState } from "./step-inputs.js";

/** A program, with settings, that is run step by step. */
interface Case {
  readonly name: string;
  readonly program: string;
  readonly settings: Settings;
  readonly classes: number;
  readonly steps: number;
  /** Batches that repeat. */
  readonly batches: number;
}

const features = (name: string, settings: Settings): Case => ({
  name: `features-${name}`,
  program: "features",
  settings,
  classes: 2,
  steps: 20,
  batches: 5,
});

const cases: readonly Case[] = [
  { name: "resnet18", program: "resnet18", settings: {}, classes: 1000, steps: 20, batches: 4 },
  features("nesterov", {}),
  features("momentum", { nesterov: "false", weight_decay: "0", drop: "0" }),
  features("dampening", { nesterov: "false", dampening: "0.5", drop: "0" }),
  features("plain", { momentum: "0", nesterov: "false", weight_decay: "0" }),
  ...["bottlenecks", "vit", "attention", "recurrent", "spectral", "norms"].map((name): Case => ({
    name,
    program: name,
    settings: {},
    classes: 4,
    steps: 6,
    batches: 3,
  })),
];

/** Programs whose plan alone is compared: names, shapes and counts. */
const plansOnly = ["resnet34", "resnet50"];

const threads = 2;

async function main(): Promise<void> {
  const folder = resolve(process.argv[2] ?? join(packageRoot, "build", "parity"));
  // Names after the folder choose cases; without any all is written.
  const chosen = process.argv.slice(3);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const executor = createSessionExecutor({ device: "cpu", threads });
  for (const each of cases)
    if (chosen.length === 0 || chosen.includes(each.name))
      await writeCase(each, join(folder, each.name), executor);
  for (const name of chosen.length === 0 ? plansOnly : []) {
    const { lowered } = analyzeFile(programFile(name));
    mkdirSync(join(folder, name), { recursive: true });
    writeJson(join(folder, name, "plan.json"), lowered?.plan);
  }
  const apart = {
    ops: writeOpFixtures,
    graphs: writeGraphFixtures,
    architectures: writeArchitectureFixtures,
    log: writeLogFixture,
    exports: writeExportFixtures,
  };
  for (const [name, write] of Object.entries(apart))
    if (chosen.length === 0 || chosen.includes(name)) await write(join(folder, name), executor);
  await executor.close();
  writeJson(join(folder, "cases.json"), cases);
}

const programFile = (name: string): string => join(packageRoot, "test", "parity", `${name}.pipe`);

/** One folder: the artifact, the state before and after, every update's feeds, and all results. */
async function writeCase(each: Case, folder: string, executor: Executor): Promise<void> {
  const artifact = join(folder, "artifact");
  const { plan } = prepareTrain(programFile(each.program), artifact, each.settings);
  const { feeder, schedules } = feederOf(plan, each.steps);
  const state = initialState(plan);
  const batchOf = (update: number): Batch =>
    fixedBatch(plan, update % each.batches, { records: plan.batch, classes: each.classes });
  save(join(folder, "state-before"), state);

  const stage = at(plan.stages, 0);
  const grad = await executor.load(artifact, stage.graphs.grad);
  const gradients = await grad.run(feeder(grad.spec, sourcesOf(1, batchOf(1), state)));
  save(join(folder, "gradients"), byPath(grad.spec, gradients, "gradient"));
  await grad.close();

  const stepper = await createStepper(stage, {
    folder: artifact,
    executor,
    feeder,
    graphs: "fused",
  });
  const losses: Readonly<Record<string, number>>[] = [];
  let moving = state;
  for (let update = 1; update <= each.steps; update++) {
    const batch = batchOf(update);
    save(
      join(folder, `update-${update}`),
      feedsOf(feeder, stage.graphs.step, update, batch, state),
    );
    const { atoms, newState } = await stepper.step(update, batch, moving);
    losses.push(lossesOf(stage.losses, atoms));
    moving = new Map([...moving, ...newState]);
    if (update === 1) save(join(folder, "state-after-1"), moving);
  }
  await stepper.close();
  save(join(folder, "state-after"), moving);

  await writeInference(plan, { folder, artifact, executor, feeder, state: moving, each });
  writeJson(join(folder, "case.json"), {
    ...each,
    losses,
    rates: losses.map((_, i) => schedules.valueAt("lr", i + 1)),
    evaluation: await evaluate(plan, { folder, artifact, executor, feeder, state: moving, each }),
  });
}

interface Trained {
  readonly folder: string;
  readonly artifact: string;
  readonly executor: Executor;
  readonly feeder: Feeder;
  readonly state: Tensors;
  readonly each: Case;
}

/** The inference graph on two sizes of batches. */
async function writeInference(plan: Plan, trained: Trained): Promise<void> {
  const { folder, artifact, executor, feeder, state, each } = trained;
  const graph = await executor.load(artifact, plan.infer);
  for (const records of [3, plan.batch]) {
    const batch = fixedBatch(plan, 100, { records, classes: each.classes });
    const outputs = await graph.run(feeder(graph.spec, sourcesOf(1, batch, state)));
    save(join(folder, `infer-${records}`), prefixed({ field: batch.fields, output: outputs }));
  }
  await graph.close();
}

/** The losses of the evaluation graph on a batch that ends in padding. */
async function evaluate(
  plan: Plan,
  { folder, artifact, executor, feeder, state, each }: Trained,
): Promise<Readonly<Record<string, number>>> {
  const stage = at(plan.stages, 0);
  const graph = await executor.load(artifact, stage.graphs.eval);
  const shape = { records: plan.batch, classes: each.classes, padding: 2 };
  const batch = fixedBatch(plan, 101, shape);
  save(join(folder, "evaluation"), prefixed({ field: batch.fields, batch: validOf(batch) }));
  const outputs = await graph.run(feeder(graph.spec, sourcesOf(1, batch, state)));
  await graph.close();
  return lossesOf(stage.losses, atomsOf(graph.spec, outputs));
}

const sourcesOf = (update: number, batch: Batch, state: Tensors) => ({
  update,
  batch,
  state,
  gradients: new Map<string, HostTensor>(),
  firstRecord: 0,
});

const validOf = ({ valid }: Batch): Tensors =>
  new Map([["valid", { dtype: "bool", shape: [valid.length], data: valid }]]);

/** All that an update is fed beside the state, by the kind of feed and its name. */
function feedsOf(
  feeder: Feeder,
  spec: GraphSpec,
  update: number,
  batch: Batch,
  state: Tensors,
): Tensors {
  const fed = feeder(spec, sourcesOf(update, batch, state));
  const draws = new Map<string, HostTensor>();
  for (const { name, feed } of spec.inputs) {
    const tensor = fed.get(name);
    if (feed.kind === "random" && tensor !== undefined) draws.set(feed.draw, tensor);
  }
  return prefixed({ field: batch.fields, batch: validOf(batch), draw: draws });
}

const prefixed = (groups: Readonly<Record<string, Tensors>>): Tensors =>
  new Map(
    Object.entries(groups).flatMap(([kind, tensors]) =>
      [...tensors].map(([name, tensor]) => [`${kind}/${name}`, tensor] as const),
    ),
  );

function byPath(spec: GraphSpec, outputs: Tensors, kind: "gradient"): Tensors {
  const found = new Map<string, HostTensor>();
  for (const { name, meaning } of spec.outputs) {
    const tensor = outputs.get(name);
    if (meaning.kind === kind && tensor !== undefined) found.set(meaning.path, tensor);
  }
  return found;
}

const save = (file: string, tensors: Tensors): void => {
  writeFileSync(`${file}.safetensors`, Buffer.concat(encodeSafetensors(tensors)));
};

const writeJson = (file: string, value: unknown): void => {
  writeFileSync(file, `${JSON.stringify(value, null, 1)}\n`);
};

await main();
