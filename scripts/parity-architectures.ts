/** Runs known architectures under two update rules, for comparison with their twins in PyTorch. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../cli/host.js";
import { at } from "../grammar/invariant.js";
import { encodeSafetensors } from "../runtime/checkpoint/safetensors.js";
import { createBoundExecutor } from "../runtime/executor/bound/bound.js";
import type { Executor, Tensors } from "../runtime/executor/executor.js";
import type { HostTensor } from "../runtime/tensor.js";
import { lossesOf } from "../runtime/train/losses.js";
import { createStepper } from "../runtime/train/step.js";
import { prepareTrain } from "./prepare-train.js";
import { feederOf, fixedBatch, initialState } from "./step-inputs.js";

interface Architecture {
  readonly program: string;
  readonly classes: number;
  /**
   * The last normalization of each residual branch, whose scale begins at a tenth. With scales of one
   * a deep network makes rounding noise a million times larger, and no two programs agree on it.
   */
  readonly calmed?: string;
  /** The learning rates of both rules, which the program's schedule may change. */
  readonly sgd: number;
  readonly adamw: number;
  /**
   * Of full width: updated by kernels on the C API, as runs are. The graph `step` would copy the
   * whole state of a hundred megabytes in every update.
   */
  readonly wide?: true;
}

const architectures: readonly Architecture[] = [
  { program: "resnet18", classes: 10, calmed: "bn2", sgd: 1e-4, adamw: 3e-5, wide: true },
  { program: "resnet34", classes: 10, calmed: "bn2", sgd: 1e-4, adamw: 3e-5, wide: true },
  { program: "resnet50", classes: 10, calmed: "bn3", sgd: 3e-5, adamw: 1e-5, wide: true },
  { program: "vit", classes: 4, sgd: 0.05, adamw: 1e-3 },
  { program: "lstm", classes: 4, sgd: 0.1, adamw: 5e-3 },
  { program: "efficientnet", classes: 4, sgd: 0.02, adamw: 1e-3 },
  { program: "decoder", classes: 4, sgd: 0.02, adamw: 1e-3 },
];

const updates = 20;
/** How many batches repeat. */
const batches = 4;

/**
 * Per architecture a folder with the artifact, the names of its ops, `state-before`, `gradients` of the first update, the
 * batches, `inference` before the first update, and rates and losses by rule in `case.json`.
 */
export async function writeArchitectureFixtures(
  folder: string,
  executor: Executor,
  chosen: readonly string[] = architectures.map(({ program }) => program),
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const written = architectures.filter(({ program }) => chosen.includes(program));
  for (const each of written) {
    const own = each.wide === true ? await createBoundExecutor({ threads: 1 }) : executor;
    await writeArchitecture(each, join(folder, each.program), own);
    if (own !== executor) await own.close();
  }
  const names = written.map(({ program }) => program);
  writeFileSync(join(folder, "index.json"), JSON.stringify(names));
}

async function writeArchitecture(
  each: Architecture,
  folder: string,
  executor: Executor,
): Promise<void> {
  const rules = {
    sgd: await trainWith(each, `sgd(lr: ${each.sgd}, momentum: 0.9, weight_decay: 1e-4)`, {
      folder,
      executor,
      first: true,
    }),
    adamw: await trainWith(each, `adamw(lr: ${each.adamw}, weight_decay: 0.05)`, {
      folder,
      executor,
      first: false,
    }),
  };
  const described = { ...each, settings: {}, updates, batches, rules };
  writeFileSync(join(folder, "case.json"), `${JSON.stringify(described, null, 1)}\n`);
}

interface Place {
  readonly folder: string;
  readonly executor: Executor;
  /** Writes down what is the same under both rules. */
  readonly first: boolean;
}

/** What a run has at each update. */
interface Curve {
  readonly rates: readonly number[];
  /** The total loss. */
  readonly losses: readonly number[];
}

async function trainWith(
  { program, classes, calmed, wide }: Architecture,
  optimizer: string,
  { folder, executor, first }: Place,
): Promise<Curve> {
  const artifact = join(folder, "artifact");
  const source = join(packageRoot, "test", "parity", `${program}.pipe`);
  const { plan, graphs } = prepareTrain(source, artifact, { [`${program}.optimizer`]: optimizer });
  const { feeder, schedules } = feederOf(plan, updates);
  const batchOf = (update: number) =>
    fixedBatch(plan, update % batches, { records: plan.batch, classes });
  const sourcesOf = (update: number, state: Tensors) => ({
    update,
    batch: batchOf(update),
    state,
    gradients: new Map<string, HostTensor>(),
    firstRecord: 0,
  });
  const stage = at(plan.stages, 0);
  let state = calmedState(initialState(plan), calmed);
  if (first) {
    const met = new Set([...graphs.values()].flatMap(({ nodes }) => nodes.map(({ op }) => op)));
    writeFileSync(join(folder, "ops.json"), JSON.stringify([...met]));
    const slots = new Set(plan.state.flatMap(({ role, path }) => (role === "slot" ? [path] : [])));
    save(join(folder, "state-before"), new Map([...state].filter(([path]) => !slots.has(path))));
    for (let i = 0; i < batches; i++) save(join(folder, `batch-${i}`), batchOf(i).fields);
    const grad = await executor.load(artifact, stage.graphs.grad);
    const results = await grad.run(feeder(grad.spec, sourcesOf(1, state)));
    await grad.close();
    const gradients = new Map<string, HostTensor>();
    for (const { name, meaning } of grad.spec.outputs) {
      const tensor = results.get(name);
      if (meaning.kind === "gradient" && tensor !== undefined) gradients.set(meaning.path, tensor);
    }
    save(join(folder, "gradients"), gradients);
    const infer = await executor.load(artifact, plan.infer);
    save(join(folder, "inference"), await infer.run(feeder(infer.spec, sourcesOf(1, state))));
    await infer.close();
  }
  const stepper = await createStepper(stage, {
    folder: artifact,
    executor,
    feeder,
    graphs: wide === true ? "kernels" : "fused",
  });
  const losses: number[] = [];
  for (let update = 1; update <= updates; update++) {
    const { atoms, newState } = await stepper.step(update, batchOf(update), state);
    losses.push(lossesOf(stage.losses, atoms)["total"] ?? NaN);
    state = new Map([...state, ...newState]);
  }
  await stepper.close();
  return { rates: losses.map((_, i) => schedules.valueAt("lr", i + 1)), losses };
}

const calmedState = (state: Tensors, layer: string | undefined): Tensors =>
  new Map(
    [...state].map(([path, tensor]) => {
      const { data } = tensor;
      return layer !== undefined &&
        path.includes(".layer") &&
        path.endsWith(`.${layer}.weight`) &&
        data instanceof Float32Array
        ? [path, { ...tensor, data: data.map((value) => value / 10) }]
        : [path, tensor];
    }),
  );

const save = (file: string, tensors: Tensors): void => {
  writeFileSync(`${file}.safetensors`, Buffer.concat(encodeSafetensors(tensors)));
};
